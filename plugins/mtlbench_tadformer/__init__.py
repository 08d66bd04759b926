"""TADFormer: task prompts, and low-rank updates that a filter makes each task's own."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapter `tadformer`."""
    return [
        Adapter(
            name="tadformer",
            target="mtlbench_tadformer.adapter:TADFormer",
            summary="Task prompts, and shared low-rank updates that a filter makes each task's own.",
            reference="Baek, Lee, Jo, Choi, Min, CVPR 2025, arXiv 2501.04293",
        )
    ]
