"""Aggregators of the package torchjd."""

from mtlbench.plugin import Balancer, hookimpl


@hookimpl
def mtlbench_balancers():
    """Offer the balancer `torchjd`."""
    return [
        Balancer(
            name="torchjd",
            target="mtlbench_torchjd.balancer:TorchJD",
            summary="Any aggregator of the package torchjd that works on the gradients of one step.",
            reference="Quinton and Rey, TorchJD, https://github.com/TorchJD/torchjd",
            requires="torchjd",
        )
    ]
