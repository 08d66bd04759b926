"""LoRA: one low-rank update per linear layer, shared by all tasks."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapter `lora`."""
    return [
        Adapter(
            name="lora",
            target="mtlbench_lora.adapter:LoRA",
            summary="Low-rank updates of linear layers, shared by all tasks.",
            reference="Hu et al., ICLR 2022, arXiv 2106.09685",
        )
    ]
