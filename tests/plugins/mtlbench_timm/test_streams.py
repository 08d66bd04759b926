import functools

import pytest
import torch
from torch import nn

from mtlbench.engine import streams
from mtlbench_timm.blocks import DropPath

SCALES = (1.0, 1.5, -0.5, 0.25)  # shared, then three tasks


class Scaled(nn.Module):
    """Hold a frozen module and fan its output out, one factor per stream."""

    def __init__(self, frozen, factors):
        super().__init__()
        self.frozen = frozen
        self.factors = nn.Parameter(torch.tensor(factors))

    def forward(self, x):
        assert x.ndim >= 4 and x.shape[0] in (1, len(self.factors))
        return self.frozen(x) * self.factors.view(-1, *[1] * (x.ndim - 1))


def replace(driver, path, factors):
    driver.set_submodule(path, Scaled(driver.get_submodule(path), factors))


def hook(module, factor):
    return module.register_forward_hook(lambda _module, _inputs, out: out * factor)


def task_references(both, image, part, merged=False):
    """Run timm once per task and stage, the last block scaled by the task: levels (T, B, C, h, w)."""
    levels = []
    for stage, block in enumerate(both.ends):
        runs = []
        for factor in SCALES[1:]:
            handle = hook(block.get_submodule(part), factor)
            runs.append(both.reference(image)[stage])
            handle.remove()
        level = torch.stack(runs)
        if merged and stage < 3:
            merge = both.net.layers[stage + 1].downsample
            level = torch.stack([merge(run.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) for run in level])
        levels.append(level)
    return levels


@pytest.mark.parametrize(
    "part", ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2", "norm1", "norm2", "attn", "mlp"]
)
@torch.no_grad()
def test_fanning_out_equals_a_loop_over_tasks(pair, family, part):
    both = pair(family)
    for module in both.net.modules():  # timm would read the weight of an Eva's qkv and never call it
        if hasattr(module, "qkv_bias_separate"):
            module.qkv_bias_separate = True
    for site in both.driver.sites():
        if site.last and site.path.endswith(f".{part}") and "downsample" not in site.path:
            replace(both.driver, site.path, SCALES)
    both.driver.branch = functools.partial(streams.branch, tasks=3)
    image = torch.randn(2, 3, 64, 96)
    for level, expected in zip(both.driver(image), task_references(both, image, part), strict=True):
        torch.testing.assert_close(level, expected, rtol=1e-4, atol=2e-6)


@torch.no_grad()
def test_merging_runs_on_the_streams_of_merged_levels(pair):
    both = pair("swin", features="merged")
    for stage in range(4):
        replace(both.driver, f"layers.{stage}.blocks.1.attn.proj", SCALES)
    both.driver.branch = functools.partial(streams.branch, tasks=3)
    image = torch.randn(1, 3, 52, 76)
    references = task_references(both, image, "attn.proj", merged=True)
    for level, expected in zip(both.driver(image), references, strict=True):
        torch.testing.assert_close(level, expected, rtol=1e-4, atol=2e-6)


@torch.no_grad()
def test_attention_runs_once_where_only_proj_fans_out(pair):
    driver = pair("swin").driver
    seen = []
    driver.layers[0].blocks[1].attn.qkv.register_forward_hook(lambda _m, _i, out: seen.append(out.shape[0]))
    replace(driver, "layers.0.blocks.1.attn.proj", SCALES)
    driver.branch = functools.partial(streams.branch, tasks=3)
    assert [level.shape[0] for level in driver(torch.randn(1, 3, 64, 96))] == [3, 1, 1, 1]
    assert seen == [1]


@torch.no_grad()
def test_streams_may_persist_from_the_first_block(pair, family):
    both = pair(family)
    path = "layers.0.blocks.0.norm1" if family == "swin" else "blocks.0.norm1"
    replace(both.driver, path, SCALES[1:])
    image = torch.randn(2, 3, 48, 80)
    levels = both.driver(image)
    for task, factor in enumerate(SCALES[1:]):
        handle = hook(both.net.get_submodule(path), factor)
        for level, expected in zip(levels, both.reference(image), strict=True):
            assert level.shape[0] == 3
            torch.testing.assert_close(level[task], expected, rtol=1e-4, atol=2e-6)
        handle.remove()


def test_drop_path_is_drawn_per_image_and_shared_by_its_streams():
    layer = DropPath(0.4).train()
    out = layer(torch.ones(3, 400, 5, 2))
    per_image = out[0, :, 0, 0]
    assert torch.equal(out, per_image[None, :, None, None].expand_as(out))
    torch.testing.assert_close(per_image.unique(), torch.tensor([0.0, 1 / 0.6]))
    assert 0.5 < (per_image > 0).float().mean() < 0.7
    assert torch.equal(layer.eval()(out), out)


def test_drop_path_rises_to_its_rate(pair, family):
    driver = pair(family, drop_path=0.2).driver
    rates = [module.rate for module in driver.modules() if isinstance(module, DropPath)]
    assert rates == pytest.approx([0.2 * i / (len(rates) - 1) for i in range(len(rates))])
    image = torch.randn(8, 3, 64, 96)
    assert not torch.equal(driver.train()(image)[-1], driver.eval()(image)[-1])


def test_without_drop_path_training_mode_changes_nothing(pair, family):
    driver = pair(family).driver
    image = torch.randn(2, 3, 64, 96)
    for a, b in zip(driver.train()(image), driver.eval()(image), strict=True):
        torch.testing.assert_close(a, b)
