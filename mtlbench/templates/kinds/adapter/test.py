"""Hold the adapter to the bench's contract."""

from mtlbench.testing.adapter_contract import AdapterContract
from {{package}}.{{module}} import {{Class}}


class Test{{Class}}(AdapterContract):
    isolates = False  # nothing here is a task's own

    def make(self, tasks):
        return {{Class}}(tasks, rank=2)
