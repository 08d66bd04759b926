from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_hypernets.hyperformer import HyperFormer
from mtlbench_hypernets.polyhistor import Polyhistor, PolyhistorLite

#: `isolates` is claimed where one template serves all locations. Elsewhere a unit may be silent for a few
#: tasks and not for others, which then reach a row of a shared hyper-network that the few don't; what tasks
#: own is held in test_hyperformer.py and test_polyhistor.py


class TestHyperFormer(AdapterContract):
    def make(self, tasks):
        return HyperFormer(tasks, embedding=6, hidden=12)


class TestHyperFormerPerShapeAtBothPositions(AdapterContract):
    def make(self, tasks):
        return HyperFormer(
            tasks,
            embedding=5,
            hidden=12,
            reduction_factor=4,
            hypernetworks="shape",
            roles=("proj", "fc2"),
            trains=("norm",),
        )


class TestPolyhistor(AdapterContract):
    def make(self, tasks):
        return Polyhistor(tasks, embedding=6, rank=2)


class TestPolyhistorAtBothPositions(AdapterContract):
    def make(self, tasks):
        return Polyhistor(tasks, embedding=4, rank=3, reduction_factor=4, roles=("fc2", "proj"))


class TestPolyhistorLite(AdapterContract):
    isolates = True

    def make(self, tasks):
        return PolyhistorLite(tasks, embedding=6, rank=2, template=8)


class TestPolyhistorLiteWithFullTemplateAtBothPositions(AdapterContract):
    isolates = True

    def make(self, tasks):
        return PolyhistorLite(tasks, embedding=4, rank=4, template=4, roles=("proj", "fc2"))
