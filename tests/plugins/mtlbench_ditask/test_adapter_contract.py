from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_ditask.adapter import DiTASK


class TestValues(AdapterContract):
    isolates = True

    def make(self, tasks):
        return DiTASK(tasks, tess=8, task_tess=3)


class TestValuesWithDropout(AdapterContract):
    isolates = True

    def make(self, tasks):
        return DiTASK(tasks, dropout=0.1, trains=())


class TestReleased(AdapterContract):
    """The public code starts from random diffeomorphisms."""

    isolates = True
    starts_pretrained = False

    def make(self, tasks):
        return DiTASK(tasks, variant="released", dropout=0.05)


class TestReleasedFromTheIdentity(AdapterContract):
    isolates = True

    def make(self, tasks):
        return DiTASK(tasks, tess=8, variant="released", start="zeros")
