from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_mtlora.adapter import MTLoRA


class TestMatrix(AdapterContract):
    isolates = True

    def make(self, tasks):
        return MTLoRA(tasks, rank=4, task_rank=2)


class TestMatrixV2(AdapterContract):
    isolates = True

    def make(self, tasks):
        return MTLoRA(tasks, rank=2, task_rank=3, dropout=0.0, shared_mode="matrixv2")


class TestAddition(AdapterContract):
    """Tasks reach each other here, through the sum that is the shared stream."""

    def make(self, tasks):
        return MTLoRA(tasks, rank=4, task_rank=2, shared_mode="addition")


class TestPlus(AdapterContract):
    isolates = True

    def make(self, tasks):
        return MTLoRA(tasks, rank=4, task_rank=2, plus=True)


class TestOddTaskNames(AdapterContract):
    """Names that no attribute or parameter could carry."""

    isolates = True

    def make(self, tasks):
        odd = {"semseg": "semseg.v2", "depth": "training", "normals": "keys"}
        return MTLoRA([odd[task] for task in tasks], rank=1, task_rank=1)
