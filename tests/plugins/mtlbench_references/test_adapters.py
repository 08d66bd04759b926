from mtlbench.testing.adapter_contract import TASKS, AdapterContract, attached
from mtlbench.testing.tiny_backbone import TinyBackbone
from mtlbench_references.adapters import Frozen, Full, NoAdapter
from mtlbench_timm.backbone import Timm


class TestFull(AdapterContract):
    def make(self, tasks):
        return Full(tasks)


class TestFrozen(AdapterContract):
    def make(self, tasks):
        return Frozen(tasks)


class TestNoAdapter(AdapterContract):
    def make(self, tasks):
        return NoAdapter(tasks)


def test_full_trains_every_parameter_and_frozen_none():
    everything = {name for name, _ in TinyBackbone().named_parameters()}
    assert attached(Full(TASKS))[1].keys() == everything
    assert not attached(Frozen(TASKS))[1]


def test_no_adapter_trains_what_the_mtlora_line_trains_besides_its_updates():
    backbone = Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(224, 224))
    trainables = attached(NoAdapter(TASKS), backbone)[1]
    counts = {}
    for name, parameter in trainables.items():
        role = backbone.parameter_role(name)
        counts[role] = counts.get(role, 0) + parameter.numel()
    assert counts == {"norm": 23_040, "patch_embed": 4_896, "rel_pos_bias": 23_322, "reduction": 1_548_288}


def test_none_inserts_a_module():
    plain = [type(module) for module in TinyBackbone().modules()]
    for adapter in (Full(TASKS), Frozen(TASKS), NoAdapter(TASKS)):
        assert [type(module) for module in attached(adapter)[0].modules()] == plain
