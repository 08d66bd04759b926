from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_side.adapter import SideBranch


class TestSideBranch(AdapterContract):
    isolates = True

    def make(self, tasks):
        return SideBranch(tasks, bottleneck=6, experts=3, rank=2)


class TestOneExpert(AdapterContract):
    isolates = True

    def make(self, tasks):
        return SideBranch(tasks, bottleneck=4, experts=2, rank=1)
