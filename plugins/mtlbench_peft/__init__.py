"""Tuners of Hugging Face's package peft, shared by all tasks."""

from mtlbench.plugin import Adapter, hookimpl


@hookimpl
def mtlbench_adapters():
    """Offer the adapter `peft`."""
    return [
        Adapter(
            name="peft",
            target="mtlbench_peft.adapter:Peft",
            summary="Any tuner of the package peft that works on linear layers, shared by all tasks.",
            reference="Mangrulkar et al., PEFT, https://github.com/huggingface/peft",
            requires="peft",
        )
    ]
