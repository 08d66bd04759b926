import pytest

from mtlbench.errors import MtlbenchError
from mtlbench.testing.adapter_contract import TASKS, attached
from mtlbench_lora.adapter import DoRA, LoRA


@pytest.mark.parametrize("kind", [LoRA, DoRA])
@pytest.mark.parametrize("sharing, sets", [("shared", 1), ("per-task", 3)])
def test_counts_rank_times_the_sides_of_every_location(kind, sharing, sets):
    # width w: qkv 4w, proj 2w, fc1 5w, fc2 5w per unit of rank; two blocks of widths 8, 16, 32, 64
    _, trainables = attached(kind(TASKS, rank=4, sharing=sharing, trains=()))
    magnitudes = 3 + 1 + 4 + 1 if kind is DoRA else 0
    assert sum(p.numel() for p in trainables.values()) == sets * (4 * 16 + magnitudes) * 2 * (
        8 + 16 + 32 + 64
    )


@pytest.mark.parametrize("kind", [LoRA, DoRA])
def test_parameters_have_the_names_and_shapes_of_the_page(kind):
    shapes = {}
    for sharing in ("shared", "per-task"):
        _, trainables = attached(kind(TASKS, rank=4, sharing=sharing, roles=("qkv",), trains=()))
        shapes[sharing] = {
            name.removeprefix("stages.0.blocks.0.attn.qkv."): tuple(p.shape)
            for name, p in trainables.items()
            if name.startswith("stages.0.blocks.0.")
        }
    magnitudes = [{"magnitude": (24,)}, {"magnitude": (3 * 24,)}] if kind is DoRA else [{}, {}]
    assert shapes["shared"] == {"A": (4, 8), "B": (24, 4)} | magnitudes[0]
    assert shapes["per-task"] == {"A": (3, 4, 8), "B": (3, 24, 4)} | magnitudes[1]


def test_trains_the_roles_it_is_told():
    _, trainables = attached(LoRA(TASKS, rank=1, trains=("rel_pos_bias",)))
    own = {name for name in trainables if not name.endswith((".A", ".B"))}
    assert own == {f"stages.{s}.blocks.{b}.attn.rel_pos_bias" for s in range(4) for b in range(2)}


@pytest.mark.parametrize("kind", [LoRA, DoRA])
@pytest.mark.parametrize("sharing, streams", [("shared", ("shared",)), ("per-task", TASKS)])
def test_rank_map_names_streams(kind, sharing, streams):
    adapter = kind(TASKS, rank=2, sharing=sharing, roles=("fc1", "reduction"))
    attached(adapter)
    assert len(adapter.rank_map()) == 4 * 2 + 3
    assert all(ranks == dict.fromkeys(streams, 2) for ranks in adapter.rank_map().values())


@pytest.mark.parametrize("kind, name", [(LoRA, "lora"), (DoRA, "dora")])
def test_a_wrong_sharing_is_named(kind, name):
    with pytest.raises(
        MtlbenchError, match=f"^{name} has no sharing 'per_task': .*Did you mean \"per-task\""
    ):
        kind(TASKS, sharing="per_task")
