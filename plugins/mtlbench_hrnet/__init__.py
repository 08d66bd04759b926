"""Register the HRNet-style decoder."""

from mtlbench.plugin import Decoder, hookimpl


@hookimpl
def mtlbench_decoders():
    """Provide `hrnet`."""
    return [
        Decoder(
            name="hrnet",
            target="mtlbench_hrnet.decoder:HRNet",
            summary="1x1 projections of four levels and a two-layer predictor per task.",
            reference="Wang et al., TPAMI 2020; as in MTLoRA, CVPR 2024",
        )
    ]
