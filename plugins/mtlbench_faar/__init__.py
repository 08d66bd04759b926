"""FAAR: frequency-aware multi-task fine-tuning with automatic ranks."""

from mtlbench.plugin import Adapter, Decoder, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapter `faar`."""
    return [
        Adapter(
            name="faar",
            target="mtlbench_faar.adapter:FAAR",
            summary="Low-rank updates, shared and per task, whose ranks shrink to what is needed (PDRS).",
            reference="Fontana, Spratling, Shi, CVPR 2026, arXiv 2603.20403",
        )
    ]


@hookimpl
def mtlbench_decoders():
    """Offer the decoder `ts-pd`."""
    return [
        Decoder(
            name="ts-pd",
            target="mtlbench_faar.ts_pd:TSPD",
            summary="HRNet-style heads with a spectral filter per task and a consensus across tasks.",
            reference="Fontana, Spratling, Shi, CVPR 2026, arXiv 2603.20403",
        )
    ]
