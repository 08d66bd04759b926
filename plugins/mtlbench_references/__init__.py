"""Rows to compare with: train the whole backbone, none of it, or the small parts that adapters train."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the reference rows that every adapter is compared with."""
    return [
        Adapter(
            name="full",
            target="mtlbench_references.adapters:Full",
            summary="Train every parameter of the backbone, shared by all tasks.",
        ),
        Adapter(
            name="frozen",
            target="mtlbench_references.adapters:Frozen",
            summary="Train nothing of the backbone: only the decoder learns.",
        ),
        Adapter(
            name="no-adapter",
            target="mtlbench_references.adapters:NoAdapter",
            summary="Train what MTLoRA's line trains of the backbone besides its updates, and nothing else.",
        ),
    ]
