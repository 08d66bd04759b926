"""Know the tuners of the package peft by name, and why some cannot be used here; imports no peft."""

from __future__ import annotations

from mtlbench.errors import MtlbenchError, did_you_mean

TUNERS = (
    "beft",
    "boft",
    "c3a",
    "deft",
    "delora",
    "fourierft",
    "frod",
    "glora",
    "gralora",
    "hira",
    "hra",
    "ia3",
    "ln_tuning",
    "loha",
    "lokr",
    "lora",
    "miss",
    "oft",
    "osf",
    "peanut",
    "psoft",
    "pvera",
    "randlora",
    "road",
    "shira",
    "supertuning",
    "tinylora",
    "unilora",
    "vblora",
    "vera",
    "waveft",
)

_ALLOCATES = "moves its ranks after every step of the optimiser, by scores that no checkpoint would hold"
_PROMPTS = "acts on the prompt or the attention cache of a language model"
UNSUPPORTED = {
    "adalora": _ALLOCATES,
    "adamss": _ALLOCATES,
    "adaption_prompt": _PROMPTS,
    "cartridge": _PROMPTS,
    "cpt": _PROMPTS,
    "lily": "mixes its experts by an average over the batch, so images of a batch change each other",
    "multitask_prompt_tuning": _PROMPTS,
    "p_tuning": _PROMPTS,
    "poly": "wants the task of every image as a further input",
    "prefix_tuning": _PROMPTS,
    "prompt_tuning": _PROMPTS,
    "shadow": "wraps the layers of a language model",
    "trainable_tokens": "trains rows of a token embedding",
    "xlora": "mixes LoRA adapters that were trained before, in a language model",
}


def check(tuner: str) -> None:
    """Refuse a tuner that there isn't, or that cannot be used here.

    Raises:
        MtlbenchError: says why, and which tuners there are.
    """
    known = f"It takes: {', '.join(TUNERS)}."
    if tuner in UNSUPPORTED:
        raise MtlbenchError(f"The adapter 'peft' cannot use {tuner!r}: it {UNSUPPORTED[tuner]}. {known}")
    if tuner not in TUNERS:
        hint = did_you_mean(str(tuner), TUNERS)
        raise MtlbenchError(f"The adapter 'peft' knows no tuner {tuner!r}.{hint} {known}")
