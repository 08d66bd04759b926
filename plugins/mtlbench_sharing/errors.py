"""Say what is wrong with a decoder's options."""

from mtlbench.errors import MtlbenchError


class UnevenHeads(MtlbenchError):
    """Say that attention heads don't divide a width."""

    def __init__(self, option: str, value: object, heads: int) -> None:
        super().__init__(
            f"{option}={value!r} cannot be divided among heads={heads}; change either of these options of "
            "the decoder."
        )
