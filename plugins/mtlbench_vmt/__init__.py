"""VMT-Adapter: one adapter for all tasks, whose output each task scales and shifts."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapters `vmt-adapter` and `vmt-adapter-lite`."""
    reference = "Xin et al., AAAI 2024, arXiv 2312.08733"
    return [
        Adapter(
            name="vmt-adapter",
            target="mtlbench_vmt.adapter:VMTAdapter",
            summary="Adapters beside MLPs, shared by all tasks, with a scale and a shift per task.",
            reference=reference,
        ),
        Adapter(
            name="vmt-adapter-lite",
            target="mtlbench_vmt.adapter:VMTAdapterLite",
            summary="VMT-Adapter whose down and up projections share their matrix.",
            reference=reference,
        ),
    ]
