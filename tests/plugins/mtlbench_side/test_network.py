"""The side network against a plain one that goes task by task and expert by expert."""

import pytest
import torch
import torch.nn.functional as F

from mtlbench.testing.adapter_contract import TASKS, attached, images, scatter
from mtlbench.testing.tiny_backbone import TinyBackbone
from mtlbench_side.adapter import SideBranch

OPTIONS = {"bottleneck": 6, "experts": 3, "rank": 2}


def tuned():
    torch.manual_seed(0)
    backbone, trainables = attached(SideBranch(TASKS, **OPTIONS))
    scatter(trainables)
    return backbone.double().eval(), trainables


def plain(side, levels, t):
    """Adapt frozen levels (B, C, h, w) to one task, in channels-first layers."""

    def pointwise(z, weight):
        return F.conv2d(z, weight[..., None, None])

    def mix(module, z, stream):
        return z + pointwise(F.gelu(module.spatial(z)), module.pointwise[stream])

    rising = []
    for x, down, module in zip(levels, side.down, side.bottom_up, strict=True):
        mean, std = x.mean(1, keepdim=True), x.var(1, keepdim=True, unbiased=False).add(1e-5).sqrt()
        z = F.conv2d((x - mean) / std, down.weight[..., None, None], down.bias)
        if rising:
            z = z + F.avg_pool2d(rising[-1], rising[-1].shape[-1] // z.shape[-1])
        rising.append(mix(module, z, 0))
    adapted, above = [], None
    for level in (3, 2, 1, 0):
        z = rising[level]
        if above is not None:
            z = z + F.interpolate(above, z.shape[-2:], mode="bilinear")
        above = mix(side.top_down[level], z, t)
        gate = pointwise(above, side.experts.gate[t]).softmax(1)
        mixture = above
        for e in range(3):
            rows = slice(2 * e, 2 * e + 2)
            inner = side.experts.inner
            hidden = F.gelu(F.conv2d(above, inner.weight[rows][..., None, None], inner.bias[rows]))
            mixture = mixture + gate[:, e : e + 1] * pointwise(hidden, side.experts.outer.weight[:, rows])
        adapted.insert(0, levels[level] + pointwise(mixture, side.up[level][t]))
    return adapted


@pytest.mark.parametrize("task", range(len(TASKS)))
def test_every_task_equals_its_plain_form(task):
    backbone, _ = tuned()
    image = images().double()
    frozen = [level[0] for level in TinyBackbone().double().eval()(image)]
    for ours, theirs in zip(backbone(image), plain(backbone.side, frozen, task), strict=True):
        torch.testing.assert_close(ours[task], theirs, rtol=1e-10, atol=1e-10)


def test_the_trunk_is_not_recorded():
    backbone, _ = tuned()
    seen, saved = [], []
    for site in backbone.sites():
        if site.role != "block":
            module = backbone.get_submodule(site.path)
            module.register_forward_hook(lambda _, __, y: seen.append((y.requires_grad, len(saved))))
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x) or x, lambda x: x):
        levels = backbone(images().double())
    assert len(seen) == len([site for site in backbone.sites() if site.role != "block"])
    assert set(seen) == {(False, 0)}, "autograd kept something before the trunk was through"
    assert all(level.requires_grad for level in levels) and saved


def test_every_level_reads_every_other():
    backbone, _ = tuned()
    levels = [level.detach().requires_grad_() for level in TinyBackbone().double().eval()(images().double())]
    for adapted in backbone.side(levels):
        for gradient in torch.autograd.grad(adapted.square().sum(), levels, retain_graph=True):
            assert gradient.any()


def test_tasks_share_experts_and_own_the_rest_of_the_way_down():
    backbone, trainables = tuned()
    own = {name for name, p in trainables.items() if p.ndim == 3 and len(p) == len(TASKS)}
    assert own == {
        *(f"side.top_down.{level}.pointwise" for level in range(4)),
        *(f"side.up.{level}" for level in range(4)),
        "side.experts.gate",
    }
    for task in range(len(TASKS)):
        backbone.zero_grad()
        sum(level[task].square().sum() for level in backbone(images().double())).backward()
        for name in own:
            assert [bool(gradient.any()) for gradient in trainables[name].grad] == [
                t == task for t in range(len(TASKS))
            ]
        assert trainables["side.experts.inner.weight"].grad.any()
