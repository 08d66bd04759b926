"""DiTASK: singular values deformed by learned diffeomorphisms, shared by all tasks and per task."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapter `ditask`."""
    return [
        Adapter(
            name="ditask",
            target="mtlbench_ditask.adapter:DiTASK",
            summary="Diffeomorphisms of the singular values of frozen weights, shared and per task.",
            reference="Mantri et al., CVPR 2025, arXiv 2502.06029",
        )
    ]
