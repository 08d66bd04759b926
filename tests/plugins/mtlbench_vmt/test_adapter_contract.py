from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_vmt.adapter import VMTAdapter, VMTAdapterLite


class TestVMTAdapter(AdapterContract):
    isolates = True

    def make(self, tasks):
        return VMTAdapter(tasks, bottleneck=5)


class TestVMTAdapterLite(AdapterContract):
    isolates = True

    def make(self, tasks):
        return VMTAdapterLite(tasks, bottleneck=4)


class TestVMTAdapterWithNorms(AdapterContract):
    isolates = True

    def make(self, tasks):
        return VMTAdapter(tasks, bottleneck=2, trains=("norm", "reduction"))
