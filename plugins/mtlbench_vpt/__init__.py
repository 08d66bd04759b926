"""Visual prompt tuning: trained tokens that attention reads beside the patches."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapters `vpt-shallow` and `vpt-deep`."""
    reference = "Jia et al., ECCV 2022, arXiv 2203.12119"
    return [
        Adapter(
            name="vpt-shallow",
            target="mtlbench_vpt.adapter:VPTShallow",
            summary="Prompt tokens before the first block, per task or shared.",
            reference=reference,
        ),
        Adapter(
            name="vpt-deep",
            target="mtlbench_vpt.adapter:VPTDeep",
            summary="Fresh prompt tokens before every block, per task or shared.",
            reference=reference,
        ),
    ]
