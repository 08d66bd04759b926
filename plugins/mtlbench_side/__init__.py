"""A side branch on a frozen backbone, through which no gradient passes."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapter `side-branch`."""
    return [
        Adapter(
            name="side-branch",
            target="mtlbench_side.adapter:SideBranch",
            summary="A light network of its own beside the frozen backbone, which is not differentiated.",
            reference="Yao et al., AAAI 2026",
        )
    ]
