import pytest
import torch

from mtlbench.testing.adapter_contract import TASKS, attached, images, scatter
from mtlbench_sinewich.adapter import Sinewich
from mtlbench_sinewich.linear import SharedLinear, SineLinear


def tuned(**options):
    """Attach an adapter whose weights have left their start."""
    torch.manual_seed(0)
    adapter = Sinewich(TASKS, **{"rank": 4, **options})
    backbone, trainables = attached(adapter)
    scatter(trainables)
    return adapter, backbone.eval(), trainables


def test_tasks_bend_the_weights_of_last_blocks():
    adapter, backbone, trainables = tuned(trains=())
    for path, ranks in adapter.rank_map().items():
        bends = "blocks.1" in path and not path.endswith("qkv")
        assert type(backbone.get_submodule(path)) is (SineLinear if bends else SharedLinear)
        assert ranks == {"shared": 4}
    assert len(adapter.rank_map()) == 4 * 2 * 4
    clock = {f"tokens.{name}" for name in ("p", "w", "s", "c")}
    assert trainables.keys() == clock | {f"{path}.{part}" for path in adapter.rank_map() for part in "AB"}


def test_a_token_moves_its_own_task_alone():
    _, backbone, _ = tuned()
    before = backbone(images())
    with torch.no_grad():
        backbone.tokens.p.view(len(TASKS), -1)[1] += 1.0
    for a, b in zip(before, backbone(images()), strict=True):
        assert torch.equal(a[0], b[0]) and torch.equal(a[2], b[2])
        assert not torch.allclose(a[1], b[1])


@pytest.mark.parametrize("prompt", [True, False])
def test_the_next_stage_reads_the_shared_stream_alone(prompt):
    _, backbone, _ = tuned(prompt=prompt)
    before = backbone(images())
    with torch.no_grad():
        backbone.tokens.s += 0.5  # bends the tasks, and leaves tokens as they are
    after = backbone(images())
    shared = [backbone.branch(torch.zeros(1 + len(TASKS), 1))[1].shape[0], before[0].shape[0]]
    assert shared == [1, len(TASKS)]
    assert all(not torch.allclose(a, b) for a, b in zip(before, after, strict=True))
    layer = backbone.get_submodule("stages.1.blocks.0.attn.qkv")
    seen = []
    layer.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    backbone(images())
    with torch.no_grad():
        backbone.tokens.s -= 0.5
    backbone(images())
    assert torch.equal(*seen) and seen[0].shape[0] == 1


def test_prompts_change_what_all_tasks_see():
    _, backbone, _ = tuned(prompt=True)
    _, plain, _ = tuned()
    for a, b in zip(backbone(images()), plain(images()), strict=True):
        assert not torch.allclose(a, b, rtol=1e-3)
