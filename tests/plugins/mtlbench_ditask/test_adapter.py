import pytest
import torch

from mtlbench.errors import MtlbenchError
from mtlbench.testing.adapter_contract import TASKS, attached, images, scatter
from mtlbench_ditask.adapter import DiTASK


def tuned(**options):
    """Attach an adapter whose weights have left their start."""
    torch.manual_seed(0)
    backbone, trainables = attached(DiTASK(TASKS, **{"tess": 8, "task_tess": 4, **options}))
    scatter(trainables)
    return backbone.eval(), trainables


def test_only_last_blocks_know_tasks_and_nothing_is_dead():
    _, trainables = tuned(trains=())
    shared, task = (
        {name.removesuffix(f".{part}.theta"): p.numel() for name, p in trainables.items() if part in name}
        for part in ("shared", "task")
    )
    layers = [f"stages.{s}.blocks.{b}." for s in range(4) for b in range(2)]
    everywhere = {place + part for place in layers for part in ("attn.proj", "mlp.fc1", "mlp.fc2")}
    last = {name for name in everywhere if "blocks.1" in name}
    unread = {name for name in last if "stages.3" in name}
    assert task == dict.fromkeys(last, len(TASKS) * 3)
    assert shared == dict.fromkeys({*everywhere, *(place + "attn.qkv" for place in layers)} - unread, 7)


def test_the_next_stage_reads_the_shared_stream_alone():
    backbone, trainables = tuned()
    before = backbone(images())
    with torch.no_grad():
        for name, parameter in trainables.items():
            if name.startswith("stages.0.") and ".task." in name:
                parameter += 1.0
    after = backbone(images())
    assert not torch.allclose(before[0], after[0])
    for a, b in zip(before[1:], after[1:], strict=True):
        assert torch.equal(a, b)


def test_two_passes_keep_graphs_of_their_own():
    backbone, trainables = tuned()
    first, second = backbone(images())[3].sum(), backbone(images())[3].square().sum()
    first.backward()
    second.backward()
    assert all(
        parameter.grad.any() for name, parameter in trainables.items() if "theta" in name and ".3." in name
    )


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"variant": "value"}, "no variant 'value'.*Did you mean"),
        ({"start": "zero"}, "no start 'zero'.*Did you mean"),
        ({"task_tess": 1}, "task_tess=1.*at least 2 cells"),
    ],
)
def test_wrong_options_are_named(options, sentence):
    with pytest.raises(MtlbenchError, match=sentence):
        DiTASK(TASKS, **options)
