"""The two ends of the scale: train the whole backbone, or none of it."""

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
    ]
