import copy

import pytest
import torch
from torch import nn


class Affine(nn.Module):
    """Hold a frozen module and change its output by one trained factor and offset."""

    def __init__(self, frozen):
        super().__init__()
        self.frozen = frozen
        self.factor, self.offset = nn.Parameter(torch.ones(())), nn.Parameter(torch.zeros(()))

    def forward(self, x):
        self.shape = x.shape
        return self.frozen(x) * self.factor + self.offset


class AffineBlock(Affine):
    """The same for a block, which passes tokens on."""

    def forward(self, x, tokens):
        self.shape = x.shape
        x, tokens = self.frozen(x, tokens)
        return x + (self.factor - 1) * torch.linspace(-1, 1, x.shape[-1]), tokens  # norms undo a factor


def test_every_site_is_honoured(pair, family):
    """Replace one site at a time: identity changes nothing, another factor does, and gradients arrive."""
    driver = pair(family).driver.requires_grad_(False)
    image = torch.randn(1, 3, 64, 96)
    plain = driver(image)
    for site in driver.sites():
        module = driver.get_submodule(site.path)
        spy = AffineBlock(module) if site.role == "block" else Affine(module)
        driver.set_submodule(site.path, spy)
        levels = driver(image)
        assert spy.shape[:2] == (1, 1) and len(spy.shape) >= 4
        for level, expected in zip(levels, plain, strict=True):
            torch.testing.assert_close(level, expected)
        sum(level.square().mean() for level in levels).backward()
        assert spy.factor.grad.abs() > 0, site
        with torch.no_grad():
            spy.factor.fill_(1.7)
            changed = driver(image)
        assert not torch.allclose(changed[-1], plain[-1], rtol=1e-4), site
        driver.set_submodule(site.path, module)
    for level, expected in zip(driver(image), plain, strict=True):
        torch.testing.assert_close(level, expected)


@torch.no_grad()
def test_a_replaced_qkv_equals_timm_with_that_weight(pair, family):
    """Scale qkv from outside, and timm's own weight from inside."""
    both = pair(family)
    image = torch.randn(1, 3, 64, 96)
    for site in both.driver.sites():
        if site.role == "qkv":
            spy = Affine(both.driver.get_submodule(site.path))
            spy.factor.data.fill_(1.3)
            both.driver.set_submodule(site.path, spy)
    for name, parameter in both.net.named_parameters():
        if name.endswith(("qkv.weight", "qkv.bias")):
            parameter.mul_(1.3)
    for level, expected in zip(both.driver(image), both.reference(image), strict=True):
        torch.testing.assert_close(level[0], expected, rtol=1e-4, atol=2e-6)


def test_no_graph_before_the_first_trained_parameter(pair, family):
    driver = pair(family).driver.requires_grad_(False)
    blocks = [site.path.rpartition(".")[0] for site in driver.sites() if site.role == "norm1"]
    driver.get_submodule(f"{blocks[-1]}.mlp.fc2").requires_grad_(True)
    with_graph = {}
    for path in blocks:
        driver.get_submodule(path).register_forward_hook(
            lambda _m, _i, out, path=path: with_graph.update({path: out[0].requires_grad})
        )
    driver(torch.randn(1, 3, 64, 96))
    assert with_graph == {path: path == blocks[-1] for path in blocks}


def test_inference_leaves_nothing_behind_that_breaks_training(pair):
    from mtlbench_timm.swin import shift_mask

    shift_mask.cache_clear()
    driver = pair("swin").driver
    image = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        driver(image)
    driver(image)[-1].sum().backward()
    assert driver.layers[0].blocks[1].attn.relative_position_bias_table.grad.abs().sum() > 0


def test_a_copy_is_independent(pair, family):
    driver = pair(family).driver
    twin = copy.deepcopy(driver)
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        before = twin(image)[-1]
        for parameter in driver.parameters():
            parameter.zero_()
        driver(torch.randn(1, 3, 96, 48))
        assert torch.equal(twin(image)[-1], before)


@pytest.mark.parametrize("path", ["layers.0.blocks.1.attn.qkv", "layers.0.downsample.reduction"])
def test_swin_hands_shapes_as_documented(pair, path):
    driver = pair("swin").driver
    spy = Affine(driver.get_submodule(path))
    driver.set_submodule(path, spy)
    driver(torch.randn(2, 3, 64, 96))
    # maps of 16x24: 24 windows of 4x4 tokens; merged to 8x12 with four times the channels
    assert (
        spy.shape
        == {"attn.qkv": (1, 2, 24, 16, 24), "downsample.reduction": (1, 2, 8, 12, 96)}[
            ".".join(path.split(".")[-2:])
        ]
    )
