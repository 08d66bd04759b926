"""HyperFormer and Polyhistor: adapters of all tasks whose weights hyper-networks emit."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapters `hyperformer`, `polyhistor` and `polyhistor-lite`."""
    return [
        Adapter(
            name="hyperformer",
            target="mtlbench_hypernets.hyperformer:HyperFormer",
            summary="Adapters per task, all weights emitted by hyper-networks that tasks share.",
            reference="Mahabadi et al., ACL 2021, arXiv 2106.04489",
        ),
        Adapter(
            name="polyhistor",
            target="mtlbench_hypernets.polyhistor:Polyhistor",
            summary="Adapters per task, low-rank factors emitted by decomposed hyper-networks.",
            reference="Liu et al., NeurIPS 2022, arXiv 2210.03265",
        ),
        Adapter(
            name="polyhistor-lite",
            target="mtlbench_hypernets.polyhistor:PolyhistorLite",
            summary="Adapters per task, one emitted template that Kronecker products scale to each layer.",
            reference="Liu et al., NeurIPS 2022, arXiv 2210.03265",
        ),
    ]
