from __future__ import annotations

import pytest
import torch
from torch import nn

from mtlbench.contracts.balancer import Balancer
from mtlbench.engine.config import ConfigError
from mtlbench.engine.freezing import attach, grouped_parameters, optimizer_groups
from mtlbench.testing.tiny_backbone import TinyBackbone
from mtlbench_references.adapters import Frozen

ADAPTERS = [
    {"type": "faar", "rank": 2},
    {"type": "lora", "rank": 2},
    {"type": "frozen"},
    {"type": "full"},
]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda options: options["type"])
def test_frozen_parts_stay_in_evaluation_mode(parts, adapter):
    model = parts(adapter=adapter, backbone__drop_path=0.2).model.train()
    for name, module in model.backbone.named_modules():
        inside, own = list(module.parameters()), list(module.parameters(recurse=False))
        if inside and not any(parameter.requires_grad for parameter in inside):
            assert not any(child.training for child in module.modules()), name
        if any(parameter.requires_grad for parameter in own):
            assert module.training, name
    assert model.training and model.decoder.training
    assert not model.eval().backbone.layers[0].training


def test_nothing_is_dropped_in_a_network_that_does_not_train(parts):
    image = torch.rand(2, 3, 32, 48)
    for adapter, moves in (("frozen", False), ("full", True)):
        backbone = parts(adapter={"type": adapter}, backbone__drop_path=0.5).model.train().backbone
        first, second = backbone(image)[-1], backbone(image)[-1]
        assert torch.equal(first, second) is not moves


def test_every_parameter_is_in_one_group(parts):
    model = parts(balancer__type="uw").model
    rows = list(grouped_parameters(model, model.injected))
    assert sorted(name for _, name, _ in rows) == sorted(name for name, _ in model.named_parameters())
    groups = {name: group for group, name, _ in rows}
    assert {groups[name] for name in groups if ".A." in name or ".theta." in name} == {"adapter"}
    assert {groups[name] for name in groups if name.endswith("frozen.weight")} == {"backbone"}
    assert {groups[name] for name in groups if "log_variance" in name} == {"balancer"}
    assert {groups[name] for name in groups if name.startswith("decoder.")} == {"decoder"}


class Matrix(Balancer):
    """Hold a matrix, which must not be pulled towards zero."""

    def __init__(self, tasks):
        super().__init__(tasks)
        self.mixing = nn.Parameter(torch.eye(len(tasks)))

    def weights(self, losses):
        return dict.fromkeys(losses, self.mixing[0, 0])


def test_what_decays_is_matrices_and_kernels(parts):
    model = parts(adapter={"type": "full"}).model
    model.balancer = Matrix(("depth", "semseg"))
    decay, rest = optimizer_groups(model, 0.3)
    assert (decay["weight_decay"], rest["weight_decay"]) == (0.3, 0.0)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decaying = {names[id(p)] for p in decay["params"]}
    exempt = {names[id(p)] for p in rest["params"]}
    assert decaying | exempt == {name for name, p in model.named_parameters() if p.requires_grad}
    assert not decaying & exempt
    assert {name for name in exempt if model.get_parameter(name).ndim > 1} == {
        "balancer.mixing",
        *(name for name in names.values() if name.endswith("relative_position_bias_table")),
    }
    assert all(model.get_parameter(name).ndim > 1 for name in decaying)


def test_a_role_that_no_parameter_can_have_is_refused():
    adapter = Frozen(("depth",))
    adapter.trains = ("nrom",)
    with pytest.raises(ConfigError, match="No backbone parameter has the role 'nrom'; roles are"):
        attach(adapter, TinyBackbone())


def test_roles_thaw_the_backbone_s_own_parameters():
    adapter, backbone = Frozen(("depth",)), TinyBackbone()
    adapter.trains = ("norm", "rel_pos_bias")
    assert attach(adapter, backbone) == frozenset()
    trained = {name for name, parameter in backbone.named_parameters() if parameter.requires_grad}
    expected = {name for name, _ in backbone.named_parameters() if "norm" in name or "rel_pos_bias" in name}
    assert trained == expected and trained


@pytest.mark.parametrize("adapter", ["faar", "lora", "mtlora", "frozen"])
def test_what_trains_of_the_backbone_does_not_depend_on_what_tasks_are_called(parts, adapter):
    found = []
    for task in ("depth", "normals"):  # the second name holds that of a role
        model = parts(
            tasks={"semseg": {"type": "semseg", "classes": 14}, task: {"type": task}},
            adapter={"type": adapter},
        ).model
        rows = [(group, name, p) for group, name, p in grouped_parameters(model, model.injected)]
        found.append({name for group, name, p in rows if group == "backbone" and p.requires_grad})
        assert all(p.requires_grad for group, name, p in rows if group == "adapter")
    assert found[0] == found[1] and bool(found[0]) is (adapter != "frozen")
