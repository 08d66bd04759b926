"""Progressive task-specific adaptation: updates shared by all tasks, then by groups, then by none."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapter `progts`."""
    return [
        Adapter(
            name="progts",
            target="mtlbench_progts.adapter:ProgTS",
            summary="Low-rank updates shared by all tasks early, by groups of similar ones, by none late.",
            reference="Gangwar et al., AISTATS 2026, arXiv 2509.19602",
        )
    ]
