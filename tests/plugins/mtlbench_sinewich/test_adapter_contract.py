from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_sinewich.adapter import Sinewich


class TestSinewich(AdapterContract):
    """An element of the Clock-net counts only for tasks whose token is positive there, so for a few."""

    def make(self, tasks):
        return Sinewich(tasks, rank=4)


class TestNearlyLinear(AdapterContract):
    def make(self, tasks):
        return Sinewich(tasks, rank=2, frequency=0.1, trains=())


class TestPrompt(AdapterContract):
    """Tokens of all tasks join the windows that all tasks read, and change what attention sees."""

    starts_pretrained = False

    def make(self, tasks):
        return Sinewich(tasks, rank=4, prompt=True)
