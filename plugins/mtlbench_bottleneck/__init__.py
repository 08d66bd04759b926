"""Bottleneck adapters: small two-layer networks after or beside the parts of a block."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer adapters that differ in how the two matrices of a bottleneck are written, and where it stands."""
    return [
        Adapter(
            name="houlsby",
            target="mtlbench_bottleneck.houlsby:Houlsby",
            summary="Bottleneck adapters after the MLP or attention of each block, per task or shared.",
            reference="Houlsby et al., ICML 2019, arXiv 1902.00751",
        ),
        Adapter(
            name="parallel-adapter",
            target="mtlbench_bottleneck.parallel:ParallelAdapter",
            summary="Scaled bottleneck adapters beside the MLP of each block, per task or shared.",
            reference="He et al., ICLR 2022, arXiv 2110.04366",
        ),
        Adapter(
            name="low-rank-adapter",
            target="mtlbench_bottleneck.low_rank:LowRankAdapter",
            summary="Bottleneck adapters whose two matrices are of low rank.",
            reference="Mahabadi, Henderson, Ruder, NeurIPS 2021, arXiv 2106.04647",
        ),
        Adapter(
            name="phm",
            target="mtlbench_bottleneck.phm:PHM",
            summary="Bottleneck adapters whose matrices are sums of Kronecker products.",
            reference="Zhang et al., ICLR 2021, arXiv 2102.08597",
        ),
        Adapter(
            name="compacter",
            target="mtlbench_bottleneck.compacter:Compacter",
            summary="Sums of Kronecker products of shared matrices with matrices of rank one.",
            reference="Mahabadi, Henderson, Ruder, NeurIPS 2021, arXiv 2106.04647",
        ),
        Adapter(
            name="compacter-plus-plus",
            target="mtlbench_bottleneck.compacter:CompacterPlusPlus",
            summary="Compacter after the MLP only.",
            reference="Mahabadi, Henderson, Ruder, NeurIPS 2021, arXiv 2106.04647",
        ),
    ]
