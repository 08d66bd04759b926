"""Hold the decoder to the bench's contract."""

from mtlbench.testing.decoder_contract import DecoderContract
from {{package}}.{{module}} import {{Class}}


class Test{{Class}}(DecoderContract):
    def make(self, tasks, channels):
        return {{Class}}(tasks, channels, width=16)
