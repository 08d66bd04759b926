"""Adapters that train biases: all of the backbone's, or its tables of relative positions."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapters `bitfit` and `relative-bias`."""
    return [
        Adapter(
            name="bitfit",
            target="mtlbench_bias.adapter:BitFit",
            summary="Every bias of the backbone, per task or shared.",
            reference="Ben Zaken, Goldberg, Ravfogel, ACL 2022, arXiv 2106.10199",
        ),
        Adapter(
            name="relative-bias",
            target="mtlbench_bias.adapter:RelativeBias",
            summary="Tables of relative positions, per task or shared.",
            reference="Liu, Ma, Tian, He, Kira, NeurIPS 2022, arXiv 2210.03265",
        ),
    ]
