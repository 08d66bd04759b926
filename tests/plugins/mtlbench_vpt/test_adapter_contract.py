from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_vpt.adapter import VPTDeep, VPTShallow


class TestShallow(AdapterContract):
    isolates = True
    starts_pretrained = False  # attention reads prompts from the start

    def make(self, tasks):
        return VPTShallow(tasks, prompts=5)


class TestSharedShallow(AdapterContract):
    starts_pretrained = False

    def make(self, tasks):
        return VPTShallow(tasks, prompts=5, sharing="shared")


class TestDeep(AdapterContract):
    isolates = True
    starts_pretrained = False

    def make(self, tasks):
        return VPTDeep(tasks, prompts=3)


class TestSharedDeep(AdapterContract):
    starts_pretrained = False

    def make(self, tasks):
        return VPTDeep(tasks, prompts=3, sharing="shared")
