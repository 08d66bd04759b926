from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_tadformer.adapter import TADFormer


class TestDynamic(AdapterContract):
    """All tasks share the generator of filters; the prompts stand in every window from the start."""

    starts_pretrained = False

    def make(self, tasks):
        return TADFormer(tasks, rank=4)


class TestStatic(AdapterContract):
    isolates = True
    starts_pretrained = False

    def make(self, tasks):
        return TADFormer(tasks, rank=3, filter="static")
