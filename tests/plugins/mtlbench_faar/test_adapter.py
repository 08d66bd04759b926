import copy
import json
import random

import pytest
import torch
from torch import nn

from mtlbench.engine.optim import apply_selections
from mtlbench.errors import MtlbenchError
from mtlbench.testing.adapter_contract import TASKS, attached, images, scatter
from mtlbench.testing.tiny_backbone import TinyBackbone
from mtlbench_faar.adapter import FAAR
from mtlbench_faar.linear import SHARED, NestedLoRA


def tuned(**options):
    """Attach a FAAR adapter whose weights have left their start."""
    torch.manual_seed(0)
    adapter = FAAR(TASKS, **{"rank": 6, "dropout": 0.0, **options})
    backbone, trainables = attached(adapter)
    scatter(trainables)
    return adapter, backbone, trainables


def outputs(backbone):
    with torch.no_grad():
        return backbone.eval()(images())


def step(adapter, backbone, seed=0):
    """Run one training step up to the adapter's look at the gradients."""
    backbone.train().zero_grad()
    adapter.before_step(seed)
    levels = backbone(images())
    weight = torch.Generator().manual_seed(seed)
    sum((level * torch.randn(level.shape, generator=weight)).sum() for level in levels).backward()
    adapter.after_backward()


def equal(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


# placement and streams


def test_only_last_blocks_know_tasks_and_nothing_is_dead():
    adapter, *_ = tuned()
    for path, ranks in adapter.rank_map().items():
        per_task = path.split(".")[-1] in ("proj", "fc1", "fc2") and "blocks.1" in path
        expected = {SHARED, *TASKS} if per_task else {SHARED}
        assert set(ranks) == expected - ({SHARED} if path == "stages.3.blocks.1.mlp.fc2" else set())
    assert len(adapter.rank_map()) == 4 * 2 * 4 + 3


@pytest.mark.parametrize("variant", ["dora", "lora"])
def test_a_task_sees_neither_weights_nor_ranks_of_another(variant):
    _, backbone, trainables = tuned(variant=variant)
    before = outputs(backbone)
    for name, parameter in trainables.items():
        if name.endswith(".depth"):
            parameter.data += 1.0
    t = TASKS.index("depth")
    for a, b in zip(before, outputs(backbone), strict=True):
        assert not torch.allclose(a[t], b[t])
        torch.testing.assert_close(a[[i for i in range(3) if i != t]], b[[i for i in range(3) if i != t]])


def test_theta_is_exempt_from_weight_decay():
    _, _, trainables = tuned()
    thetas = [p for name, p in trainables.items() if ".theta." in name]
    assert thetas and all(p.ndim == 1 for p in thetas)


# nested ranks


def test_draws_depend_on_the_seed_alone_and_cover_every_prefix():
    adapter, *_ = tuned()
    twin, *_ = tuned()
    drawn = set()
    for seed in range(80):
        random.seed(seed % 3)
        torch.manual_seed(seed % 3)
        adapter.before_step(seed)
        twin.before_step(seed)
        assert [layer.drawn for layer in adapter._sites.values()] == [
            layer.drawn for layer in twin._sites.values()
        ]
        drawn |= {(path, i, b) for path, layer in adapter._sites.items() for i, b in enumerate(layer.drawn)}
    streams = sum(len(ranks) for ranks in adapter.rank_map().values())
    assert len(drawn) == 6 * streams


def test_training_uses_the_drawn_prefix_and_evaluation_all_slots():
    adapter, backbone, _ = tuned()
    full = outputs(backbone)
    adapter.before_step(3)
    ranks = {path: layer.drawn for path, layer in adapter._sites.items()}
    with torch.no_grad():
        drawn = backbone.train()(images())
    equal(outputs(backbone), full)
    for path, layer in adapter._sites.items():
        for key, b in zip(layer.streams.values(), ranks[path], strict=True):
            layer.A[key].data[b:] = 0
            layer.B[key].data[:, b:] = 0
    equal(outputs(backbone), drawn)


def test_exploration_draws_up_to_the_first_rank_but_uses_what_is_left():
    layer = NestedLoRA(nn.Linear(3, 3), (), True, rank=8, scale=1.0, dropout=0.0)
    layer.resize({SHARED: 2})
    rng = random.Random(0)
    full = 0
    for _ in range(2000):
        layer.draw(rng, 8, 1.0)
        assert layer.drawn[0] in (1, 2)
        full += layer.drawn == [2]
    assert abs(full / 2000 - 7 / 8) < 0.03


# scores and shrinking


def test_the_average_follows_every_slot_in_use():
    adapter, backbone, _ = tuned(beta=0.5)
    step(adapter, backbone, seed=1)
    layer = adapter._sites["stages.1.blocks.1.mlp.fc1"]
    for key, b in zip(layer.streams.values(), layer.drawn, strict=True):
        A, B, score = layer.A[key], layer.B[key], getattr(layer, f"score_{key}")
        expected = 0.5 * ((A * A.grad).sum(1).abs() + (B * B.grad).sum(0).abs())
        assert not expected[b:].any() and expected[:b].all()
        limit = 100 * expected.median() + 1e-12
        torch.testing.assert_close(score, 0.5 * expected.clamp(max=limit))


def test_a_task_without_labels_keeps_its_average():
    adapter, backbone, _ = tuned()
    for layer in adapter._sites.values():
        for key in layer.streams.values():
            getattr(layer, f"score_{key}").fill_(1.0)
    backbone.eval()
    sum(level[:1].sum() for level in backbone(images())).backward()
    layer = adapter._sites["stages.0.blocks.1.mlp.fc2"]
    layer.A["depth"].grad = layer.B["depth"].grad = None
    adapter.after_backward()
    assert layer.score_depth.eq(1).all() and not layer.score_semseg.eq(1).any()


def shrunk(**options):
    """Shrink by random scores; return the slots that were kept, by location and stream, too."""
    adapter, backbone, trainables = tuned(**options)
    generator = torch.Generator().manual_seed(5)
    for layer in adapter._sites.values():
        for key in layer.streams.values():
            getattr(layer, f"score_{key}").copy_(torch.rand(6, generator=generator) ** 4)
    selections = adapter.after_epoch(0)
    optimizer = torch.optim.AdamW(trainables.values())
    return adapter, backbone, trainables, selections, optimizer


def test_a_cut_equals_zeroing_what_it_drops():
    _, backbone, _, selections, optimizer = shrunk(rho=0.6)
    assert any(len(s.index) < 6 for s in selections)
    zeroed = copy.deepcopy(backbone)
    twins = dict(zip(backbone.parameters(), zeroed.parameters(), strict=True))
    for selection in selections:
        dropped = torch.ones(6, dtype=torch.bool).index_fill(0, selection.index, False).nonzero().flatten()
        twins[selection.parameter].data.index_fill_(selection.dim, dropped, 0.0)
    apply_selections(selections, optimizer)
    equal(outputs(backbone), outputs(zeroed))


def test_a_mere_reordering_changes_nothing():
    _, backbone, _, selections, optimizer = shrunk(rho=1.0)
    before = outputs(backbone)
    apply_selections(selections, optimizer)
    assert all(len(selection.index) == 6 for selection in selections)
    assert any(selection.index.tolist() != list(range(6)) for selection in selections)
    equal(before, outputs(backbone))


def test_slots_end_best_first_and_parameters_really_fall():
    adapter, backbone, trainables, selections, optimizer = shrunk(rho=0.6)
    before = sum(p.numel() for p in trainables.values())
    apply_selections(selections, optimizer)
    lost = 0
    for path, ranks in adapter.rank_map().items():
        layer = backbone.get_submodule(path)
        for stream, key in layer.streams.items():
            score = getattr(layer, f"score_{key}")
            assert len(score) == ranks[stream] == layer.B[key].shape[1] >= 2
            assert score.tolist() == sorted(score.tolist(), reverse=True)
            lost += (6 - ranks[stream]) * (layer.frozen.in_features + layer.frozen.out_features)
    assert before - sum(p.numel() for p in trainables.values()) == lost > 0


def test_training_goes_on_after_a_cut_and_never_falls_below_the_floor():
    adapter, backbone, trainables = tuned(rho=0.01, margin=0, floor=2)
    optimizer = torch.optim.AdamW(trainables.values(), lr=1e-3)
    for epoch in range(3):
        for seed in range(3):
            step(adapter, backbone, seed=10 * epoch + seed)
            optimizer.step()
        apply_selections(adapter.after_epoch(epoch), optimizer)
    assert {rank for ranks in adapter.rank_map().values() for rank in ranks.values()} == {2}
    assert all(level.isfinite().all() for level in outputs(backbone))


def test_warms_up_before_it_shrinks():
    adapter, backbone, _ = tuned(warmup_epochs=2, rho=0.1)
    step(adapter, backbone)
    assert adapter.after_epoch(0) == adapter.after_epoch(1) == []
    assert adapter.after_epoch(2)


def test_restores_cut_shapes_from_json_and_goes_on_equally():
    adapter, backbone, _, selections, optimizer = shrunk(rho=0.6)
    apply_selections(selections, optimizer)
    resumed = FAAR(TASKS, rank=6, dropout=0.0, rho=0.6)
    other, _ = attached(resumed, TinyBackbone(seed=4))
    resumed.restore(json.loads(json.dumps(adapter.structure())))
    other.load_state_dict(backbone.state_dict())
    assert resumed.rank_map() == adapter.rank_map()
    equal(outputs(other), outputs(backbone))
    for model, method in ((backbone, adapter), (other, resumed)):
        step(method, model, seed=8)
        method.after_epoch(1)
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_names_a_foreign_rank_map():
    adapter, *_ = tuned()
    with pytest.raises(MtlbenchError, match=r"other locations or tasks.*resume with"):
        adapter.restore({"stages.9.attn.qkv": {SHARED: 3}})


# regulariser and options


def test_the_penalty_is_the_spread_of_magnitudes():
    adapter, *_ = tuned(regulariser=0.5)
    expected = 0.0
    for layer in adapter._sites.values():
        norm = layer.frozen.weight.norm(dim=1)
        for theta in layer.theta.values():
            magnitude = norm * torch.exp(0.1 * (theta - norm.log()))
            expected = expected + ((magnitude / norm - 1) ** 2).mean()
    torch.testing.assert_close(adapter.penalty(), 0.5 * expected)
    assert tuned(variant="lora")[0].penalty() is None


def test_starts_without_penalty():
    adapter = FAAR(TASKS, rank=2)
    attached(adapter)
    assert adapter.penalty().item() == 0


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"tasks": ("semseg",), "variant": "dorra"}, "no variant 'dorra'.*Did you mean \"dora\""),
        ({"tasks": (SHARED,)}, "rename that task"),
    ],
)
def test_wrong_options_are_named(options, sentence):
    with pytest.raises(MtlbenchError, match=sentence):
        FAAR(**options)
