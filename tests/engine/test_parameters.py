from __future__ import annotations

import pytest
import torch
from torch import nn

from mtlbench.engine.inspection import inspect_parameters
from mtlbench.engine.parameters import count, dead_parameters, macs_per_image
from mtlbench.plugin import Catalog

SIZE = (32, 48)


def trainable(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


@pytest.mark.parametrize("balancer, scalars", [("equal", 0), ("uw", 2)])
def test_groups_add_up_to_what_trains(parts, balancer, scalars):
    model = parts(balancer__type=balancer).model
    model.learner.head = nn.Linear(3, 2)
    report = count(model)
    assert report.adapter + report.backbone == trainable(model.backbone)
    assert report.backbone == sum(
        p.numel()
        for name, p in model.backbone.named_parameters()
        if p.requires_grad and not any(part in name for part in (".A.", ".B.", ".theta."))
    )
    assert (report.decoder, report.balancer, report.learner) == (trainable(model.decoder), scalars, 8)
    groups = ("adapter", "backbone", "decoder", "balancer", "learner")
    assert sum(getattr(report, group) for group in groups) == report.trainable == trainable(model)
    assert report.total == sum(p.numel() for p in model.parameters()) > report.trainable


@pytest.mark.parametrize("adapter", ["faar", "lora", "full", "frozen"])
def test_no_method_that_ships_has_dead_parameters(parts, adapter):
    model = parts(adapter={"type": adapter}, balancer__type="uw").model
    assert dead_parameters(model, SIZE) == ()


def test_a_planted_dead_parameter_is_found(parts):
    model = parts().model.train()
    model.decoder.unused = nn.Linear(3, 5)
    model.learner.head = nn.Linear(2, 1)  # acts on losses, which outputs do not show
    dead = dead_parameters(model, SIZE)
    assert dead == ("decoder.unused.weight", "decoder.unused.bias")
    assert count(model, dead).dead == 20
    assert model.training and all(parameter.grad is None for parameter in model.parameters())


def test_looking_for_dead_parameters_moves_nothing(parts):
    model = parts().model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    dead_parameters(model, SIZE)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_macs_are_those_of_products_and_convolutions(parts):
    model = parts(adapter={"type": "frozen"}).model
    count_by_hook = []

    def linear(module, inputs, output):
        count_by_hook.append(output.numel() * module.in_features)

    def conv(module, inputs, output):
        count_by_hook.append(output.numel() * module.weight[0].numel())

    for module in model.backbone.modules():
        if isinstance(module, nn.Linear):
            module.register_forward_hook(linear)
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(conv)
    macs, passes = macs_per_image(model, SIZE)
    assert passes == 1
    # attention and the decoder come on top
    assert sum(count_by_hook) < macs < 2 * sum(count_by_hook)
    # windows tile these sizes but for the last stage's
    ratio = macs_per_image(model, (192, 256))[0] / macs_per_image(model, (96, 128))[0]
    assert ratio == pytest.approx(4, rel=0.1)


class Prompts(nn.Module):
    """Bring tokens into the first stage that are a view of a parameter."""

    def __init__(self, width):
        super().__init__()
        self.value = nn.Parameter(torch.randn(3, width))

    def forward(self, stage, tokens):
        return self.value[None, None] if stage == 0 else None


def test_macs_are_counted_where_a_module_returns_a_view_of_what_trains(parts):
    model = parts(adapter={"type": "frozen"}).model
    without, _ = macs_per_image(model, SIZE)
    qkv = next(site.path for site in model.backbone.sites() if site.role == "qkv")
    model.backbone.tokens = Prompts(model.backbone.get_submodule(qkv).in_features)
    assert macs_per_image(model, SIZE)[0] > without
    assert model.backbone.tokens.value.requires_grad


def test_inspection_needs_neither_data_nor_weights(load):
    experiment = load(
        dataset={"type": "nyud", "root": "/nowhere"}, backbone={"type": "rooms-swin", "weights": "/nowhere"}
    )
    report, trained = inspect_parameters(experiment, Catalog.load())
    assert sum(torch.Size(shape).numel() for _, _, shape in trained) == report.trainable > 0
    assert {group for group, _, _ in trained} == {"adapter", "backbone", "decoder"}
