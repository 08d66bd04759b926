"""Soft parameter sharing: a network per task, joined after every stage."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapters `cross-stitch` and `nddr-cnn`."""
    return [
        Adapter(
            name="cross-stitch",
            target="mtlbench_soft_sharing.adapters:CrossStitch",
            summary="A whole backbone per task, whose channels are mixed across tasks after every stage.",
            reference="Misra, Shrivastava, Gupta, Hebert, CVPR 2016, arXiv 1604.03539",
        ),
        Adapter(
            name="nddr-cnn",
            target="mtlbench_soft_sharing.adapters:NDDRCNN",
            summary="A whole backbone per task, joined by 1x1 convolutions after every stage.",
            reference="Gao, Ma, Zhao, Liu, Yuille, CVPR 2019, arXiv 1801.08297",
        ),
    ]
