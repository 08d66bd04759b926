from mtlbench.testing.adapter_contract import TASKS, AdapterContract, attached
from mtlbench.testing.tiny_backbone import TinyBackbone
from mtlbench_references.adapters import Frozen, Full


class TestFull(AdapterContract):
    def make(self, tasks):
        return Full(tasks)


class TestFrozen(AdapterContract):
    def make(self, tasks):
        return Frozen(tasks)


def test_full_trains_every_parameter_and_frozen_none():
    everything = {name for name, _ in TinyBackbone().named_parameters()}
    assert attached(Full(TASKS))[1].keys() == everything
    assert not attached(Frozen(TASKS))[1]


def test_neither_inserts_a_module():
    plain = [type(module) for module in TinyBackbone().modules()]
    for adapter in (Full(TASKS), Frozen(TASKS)):
        assert [type(module) for module in attached(adapter)[0].modules()] == plain
