"""MTLoRA and MTLoRA+: low-rank updates, shared by all tasks and per task."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapter `mtlora`."""
    return [
        Adapter(
            name="mtlora",
            target="mtlbench_mtlora.adapter:MTLoRA",
            summary="Low-rank updates shared by all tasks, and per task at the end of each stage.",
            reference="Agiza, Neseem, Reda, CVPR 2024, arXiv 2403.20320",
        )
    ]
