import pytest
import torch
import torch.nn.functional as F

from mtlbench.errors import MtlbenchError
from mtlbench.testing.adapter_contract import TASKS, attached, images, scatter
from mtlbench_mtlora.adapter import MTLoRA


def tuned(**options):
    """Attach an adapter whose weights have left their start."""
    torch.manual_seed(0)
    adapter = MTLoRA(TASKS, **{"rank": 4, "task_rank": 2, "dropout": 0.0, **options})
    backbone, trainables = attached(adapter)
    scatter(trainables)
    return adapter, backbone.eval(), trainables


@pytest.mark.parametrize("mode", ["matrix", "matrixv2", "addition"])
@pytest.mark.parametrize("plus", [False, True])
def test_only_last_blocks_know_tasks_and_nothing_is_dead(mode, plus):
    adapter, *_ = tuned(shared_mode=mode, plus=plus)
    per_task = dict.fromkeys(TASKS, 2)
    for path, ranks in adapter.rank_map().items():
        tasks = per_task if "blocks.1" in path and not path.endswith("qkv") else {}
        dead = mode == "matrix" and path == "stages.3.blocks.1.mlp.fc2"
        shared = {} if dead or (mode == "addition" and tasks) else {"shared": 4}
        assert ranks == {**shared, **tasks}
    assert len(adapter.rank_map()) == 4 * 2 * 4 + (3 if plus else 0)


def test_reductions_train_whole_or_by_update():
    _, _, plain = tuned(trains=())
    _, _, plus = tuned(trains=(), plus=True)
    own = {f"stages.{s}.merging.reduction" for s in range(3)}
    assert own == {name.removesuffix(".weight") for name in plain.keys() - plus.keys()}
    assert plus.keys() - plain.keys() == {f"{name}.shared.{part}" for name in own for part in "AB"}


def low_rank(pair, k, x):
    return x @ pair.A[k].T @ pair.B[k].T * 4.0


def plain(backbone, image):
    """Follow the paper's mode `matrix` one task after another: levels[t][stage] (B, h, w, C)."""
    x = backbone.patch_embed(image).movedim(1, -1)
    levels = [[] for _ in TASKS]
    for stage in backbone.stages:
        *others, last = stage.blocks
        for block in others:
            x = block(x[None])[0][0]
        heads = []  # what attention hands to `proj`, once for all streams
        hook = last.attn.proj.register_forward_pre_hook(lambda _, args, heads=heads: heads.append(args[0]))
        last.attn(last.norm1(x[None]))
        hook.remove()
        proj, fc1, fc2 = last.attn.proj, last.mlp.fc1, last.mlp.fc2
        attended = heads[0][0].view(x.shape)
        h = proj.frozen(attended)
        own = [x + h + low_rank(proj.task, t, attended) for t in range(len(TASKS))]
        x = x + h + low_rank(proj.shared, 0, attended)
        normed = last.norm2(x)
        h = fc1.frozen(normed)
        hidden = [F.gelu(h + low_rank(fc1.task, t, last.norm2(y))) for t, y in enumerate(own)]
        shared = F.gelu(h + low_rank(fc1.shared, 0, normed))
        h = fc2.frozen(shared)
        own = [y + h + low_rank(fc2.task, t, z) for t, (y, z) in enumerate(zip(own, hidden, strict=True))]
        x = x + h if fc2.shared is None else x + h + low_rank(fc2.shared, 0, shared)
        if stage.merging is not None:
            own, x = [stage.merging(y[None])[0] for y in own], stage.merging(x[None])[0]
        for t, y in enumerate(own):
            levels[t].append(y)
    return levels


@pytest.mark.parametrize("plus", [False, True])
def test_equals_a_loop_over_tasks_with_its_gradients(plus):
    _, backbone, trainables = tuned(plus=plus)
    backbone.double()
    streams = backbone(images().double())
    ours = [level[t].movedim(1, -1) for t in range(len(TASKS)) for level in streams]
    theirs = [level for levels in plain(backbone, images().double()) for level in levels]
    for a, b in zip(with_gradients(ours, trainables), with_gradients(theirs, trainables), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


def with_gradients(levels, trainables):
    generator = torch.Generator().manual_seed(1)
    loss = sum((v * torch.randn(v.shape, generator=generator, dtype=v.dtype)).sum() for v in levels)
    return [*levels, *torch.autograd.grad(loss, list(trainables.values()))]


def test_the_next_stage_reads_the_shared_stream_alone():
    _, backbone, trainables = tuned()
    before = backbone(images())
    with torch.no_grad():
        for name, parameter in trainables.items():
            if name.startswith("stages.0.") and ".task." in name:
                parameter += 1.0
    after = backbone(images())
    assert not torch.allclose(before[0], after[0])
    for a, b in zip(before[1:], after[1:], strict=True):
        assert torch.equal(a, b)


def test_modes_share_what_they_say():
    outputs = {mode: tuned(shared_mode=mode) for mode in ("matrix", "matrixv2", "addition")}
    for mode, (_, backbone, trainables) in outputs.items():
        backbone(images())[3].sum(0)[..., 0].sum().backward()
        last = {
            name.removeprefix("stages.3.blocks.1.mlp.fc2.")
            for name, parameter in trainables.items()
            if name.startswith("stages.3.blocks.1.mlp.fc2") and parameter.grad.any()
        }
        assert last == {"task.A", "task.B"} | ({"shared.A", "shared.B"} if mode == "matrixv2" else set())


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"tasks": ("semseg",), "shared_mode": "matrix2"}, "no shared_mode 'matrix2'.*Did you mean"),
        ({"tasks": ("shared",)}, "rename that task"),
    ],
)
def test_wrong_options_are_named(options, sentence):
    with pytest.raises(MtlbenchError, match=sentence):
        MTLoRA(**options)
