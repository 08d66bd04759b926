from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_bottleneck.compacter import Compacter, CompacterPlusPlus
from mtlbench_bottleneck.houlsby import Houlsby
from mtlbench_bottleneck.low_rank import LowRankAdapter
from mtlbench_bottleneck.parallel import ParallelAdapter
from mtlbench_bottleneck.phm import PHM


class TestHoulsby(AdapterContract):
    isolates = True

    def make(self, tasks):
        return Houlsby(tasks)


class TestHoulsbyOfThePaper(AdapterContract):
    isolates = True

    def make(self, tasks):
        return Houlsby(tasks, places=("attn", "mlp"), norm=False, reduction=4, activation="silu")


class TestSharedAdapter(AdapterContract):
    def make(self, tasks):
        return Houlsby(tasks, sharing="shared", trains=("norm",))


class TestParallelAdapter(AdapterContract):
    isolates = True

    def make(self, tasks):
        return ParallelAdapter(tasks)


class TestParallelAdapterThatLearnsItsScale(AdapterContract):
    isolates = True

    def make(self, tasks):
        return ParallelAdapter(tasks, scale=1.0, learns_scale=True, norm=True)


class TestSharedParallelAdapter(AdapterContract):
    def make(self, tasks):
        return ParallelAdapter(tasks, sharing="shared", learns_scale=True)


class TestLowRankAdapter(AdapterContract):
    isolates = True

    def make(self, tasks):
        return LowRankAdapter(tasks, rank=2, reduction=2)


class TestPHM(AdapterContract):
    isolates = True

    def make(self, tasks):
        return PHM(tasks, n=2, reduction=2)


class TestSharedPHM(AdapterContract):
    def make(self, tasks):
        return PHM(tasks, n=4, reduction=2, sharing="shared", norm=True)


class TestCompacter(AdapterContract):
    isolates = True

    def make(self, tasks):
        return Compacter(tasks)


class TestCompacterWithARuleForEachTask(AdapterContract):
    isolates = True

    def make(self, tasks):
        return Compacter(tasks, n=2, rank=2, rule="layers")


class TestCompacterPlusPlus(AdapterContract):
    isolates = True

    def make(self, tasks):
        return CompacterPlusPlus(tasks, norm=False)
