from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_progts.adapter import ProgTS


class TestSharedThenAlone(AdapterContract):
    """The first levels are one stream, so test_adapter.py says whom weights reach."""

    def make(self, tasks):
        return ProgTS(tasks, rank=2)


class TestAloneFromTheStart(AdapterContract):
    isolates = True

    def make(self, tasks):
        return ProgTS(tasks, groups=("alone",) * 4, rank=2)


class TestOneLayerOfABlock(AdapterContract):
    isolates = True

    def make(self, tasks):
        return ProgTS(tasks, groups=("alone",) * 4, rank=2, roles=("fc1",), trains=())


class TestGroups(AdapterContract):
    """Weights of a group reach each of its tasks, so they belong to no single one."""

    def make(self, tasks):
        pairs = [tasks[:1], tasks[1:]] if tasks[1:] else [tasks]
        return ProgTS(tasks, groups=("shared", pairs, pairs, "alone"), rank=2, dropout=0.0)


class TestReductionsOnly(AdapterContract):
    """Streams may still be one where groups part, and where a stage is left."""

    def make(self, tasks):
        return ProgTS(tasks, groups=("shared", "alone", "alone", "alone"), rank=2, roles=("reduction",))
