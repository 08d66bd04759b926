from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_soft_sharing.adapters import NDDRCNN, CrossStitch


class TestCrossStitch(AdapterContract):
    def make(self, tasks):
        return CrossStitch(tasks)


class TestOneMatrixPerStage(AdapterContract):
    def make(self, tasks):
        return CrossStitch(tasks, per_channel=False, alpha=0.7)


class TestNDDR(AdapterContract):
    starts_pretrained = False  # but for batch norm's eps it does, see test_soft_sharing.py

    def make(self, tasks):
        return NDDRCNN(tasks)


class TestNDDRWithReLU(AdapterContract):
    starts_pretrained = False

    def make(self, tasks):
        return NDDRCNN(tasks, relu=True)
