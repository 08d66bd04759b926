"""Register the outsider's adapter."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Return the one adapter of this distribution."""
    return [
        Adapter(
            name="outsider-scale",
            target="outsider_adapter.adapter:OutsiderScale",
            summary="Scale the output of frozen layers by a learned factor per channel.",
        )
    ]
