from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_faar.adapter import FAAR


class TestDoRA(AdapterContract):
    isolates = True

    def make(self, tasks):
        return FAAR(tasks, rank=4)


class TestLoRA(AdapterContract):
    isolates = True

    def make(self, tasks):
        return FAAR(tasks, variant="lora", rank=4, dropout=0.0, rms_scale=True)


class TestRanksAtTheFloor(AdapterContract):
    isolates = True

    def make(self, tasks):
        return FAAR(tasks, rank=1)


class TestOddTaskNames(AdapterContract):
    """Names that no attribute or parameter could carry."""

    isolates = True

    def make(self, tasks):
        odd = {"semseg": "semseg.v2", "depth": "training", "normals": "keys"}
        return FAAR([odd[task] for task in tasks], rank=2)
