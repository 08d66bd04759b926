"""LoRA and DoRA: low-rank updates of linear layers, shared by all tasks or one set per task."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapters `lora` and `dora`."""
    return [
        Adapter(
            name="lora",
            target="mtlbench_lora.adapter:LoRA",
            summary="Low-rank updates of linear layers, shared by all tasks or per task.",
            reference="Hu et al., ICLR 2022, arXiv 2106.09685",
        ),
        Adapter(
            name="dora",
            target="mtlbench_lora.adapter:DoRA",
            summary="Low-rank updates of directions of weights, and their magnitudes, shared or per task.",
            reference="Liu et al., ICML 2024, arXiv 2402.09353",
        ),
    ]
