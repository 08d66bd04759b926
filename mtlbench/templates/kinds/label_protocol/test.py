"""Hold the label protocol to the bench's contract."""

from mtlbench.testing.label_protocol_contract import LabelProtocolContract
from {{package}}.{{module}} import {{Class}}


class Test{{Class}}(LabelProtocolContract):
    def make(self):
        return {{Class}}()
