from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_bias.adapter import BitFit, RelativeBias


class TestBitFit(AdapterContract):
    isolates = True

    def make(self, tasks):
        return BitFit(tasks)


class TestSharedBitFit(AdapterContract):
    def make(self, tasks):
        return BitFit(tasks, sharing="shared")


class TestRelativeBias(AdapterContract):
    isolates = True

    def make(self, tasks):
        return RelativeBias(tasks)


class TestSharedRelativeBias(AdapterContract):
    def make(self, tasks):
        return RelativeBias(tasks, sharing="shared")
