"""MT-CP: multi-task learning with coherence and prioritisation."""

from mtlbench.plugin import Balancer, Decoder, hookimpl


@hookimpl
def mtlbench_decoders():
    """Offer the decoder `mt-cp`."""
    return [
        Decoder(
            name="mt-cp",
            target="mtlbench_mtcp.decoder:MTCP",
            summary="Per-task Swin stages, fused across tasks by affinity, then traced back coarse to fine.",
            reference="Fontana, Spratling, Shi, WACV 2025, arXiv 2412.03179",
        )
    ]


@hookimpl
def mtlbench_balancers():
    """Offer the balancer `lps`."""
    return [
        Balancer(
            name="lps",
            target="mtlbench_mtcp.lps:LPS",
            summary="Weight log-scaled losses by how slowly they fall compared with their sum.",
            reference="Fontana, Spratling, Shi, WACV 2025, arXiv 2412.03179",
        )
    ]
