from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_lora.adapter import DoRA, LoRA


class TestLoRA(AdapterContract):
    def make(self, tasks):
        return LoRA(tasks, rank=4, alpha=8.0)


class TestLoRAWithDropoutOnReductions(AdapterContract):
    def make(self, tasks):
        return LoRA(tasks, rank=2, dropout=0.1, roles=("qkv", "reduction"), trains=())


class TestLoRAOfQueryKeyAndValue(AdapterContract):
    def make(self, tasks):
        return LoRA(tasks, rank=2, split_qkv=True)


class TestLoRAPerTask(AdapterContract):
    isolates = True

    def make(self, tasks):
        return LoRA(tasks, rank=1, alpha=1.0, sharing="per-task", split_qkv=True, trains=())


class TestLoRAPerTaskFromTheFirstReductionOn(AdapterContract):
    isolates = True

    def make(self, tasks):
        return LoRA(tasks, rank=2, dropout=0.1, roles=("reduction",), sharing="per-task")


class TestDoRA(AdapterContract):
    def make(self, tasks):
        return DoRA(tasks, rank=4, alpha=8.0)


class TestDoRAWithTheGradientOfItsNorm(AdapterContract):
    def make(self, tasks):
        return DoRA(tasks, rank=2, dropout=0.1, roles=("fc1", "reduction"), detach_norm=False, trains=())


class TestDoRAPerTask(AdapterContract):
    isolates = True

    def make(self, tasks):
        return DoRA(tasks, rank=2, sharing="per-task", split_qkv=True)
