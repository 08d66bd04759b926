"""Free Sinewich: one low-rank weight per location, which tasks bend by sines of their own frequencies."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapter `sinewich`."""
    return [
        Adapter(
            name="sinewich",
            target="mtlbench_sinewich.adapter:Sinewich",
            summary="Low-rank updates that tasks bend by sines of their own frequencies (re-implementation).",
            reference="Liu et al., CVPR 2026, arXiv 2603.21111",
        )
    ]
