import pytest
import torch

from mtlbench.errors import MtlbenchError
from mtlbench.testing.adapter_contract import TASKS, attached, images, scatter
from mtlbench.testing.tiny_backbone import TinyBackbone
from mtlbench_progts.adapter import ProgTS

#: depth and normals go together for two stages, whatever the order in which they are named
PAIR = [["normals", "depth"], ["semseg"]]
GROUPS = ("shared", PAIR, PAIR, "alone")


def tuned(groups=GROUPS, **options):
    """Attach an adapter whose weights have left their start, in float64."""
    torch.manual_seed(0)
    adapter = ProgTS(TASKS, groups=groups, **{"rank": 2, "dropout": 0.0, **options})
    backbone, trainables = attached(adapter)
    scatter(trainables)
    return adapter, backbone.double().eval(), trainables


def alone(adapter, backbone, task):
    """Fold every update that one task passes into a plain backbone, and run that."""
    state = {name.replace(".block.", "."): value for name, value in backbone.state_dict().items()}
    dense = {name.replace(".frozen.", "."): value.clone() for name, value in state.items()}
    for name in [name for name in state if name.endswith(".A")]:
        path = name.removesuffix(".A")
        group = next(g for g, group in enumerate(adapter.groups[int(path.split(".")[1])]) if task in group)
        dense[f"{path}.weight"] += adapter.scale * state[f"{path}.B"][group] @ state[name][group]
        del dense[name], dense[f"{path}.B"]
    plain = TinyBackbone().double().eval()
    plain.load_state_dict(dense)
    return plain(images().double())


@pytest.mark.parametrize("groups", [GROUPS, ("shared", "shared", PAIR, "alone"), ("alone",) * 4, (PAIR,) * 4])
def test_every_task_sees_the_plain_backbone_with_its_groups_updates(groups):
    adapter, backbone, _ = tuned(groups)
    levels = backbone(images().double())
    for task in range(len(TASKS)):
        for ours, theirs in zip(levels, alone(adapter, backbone, task), strict=True):
            torch.testing.assert_close(ours[task % len(ours)][None], theirs, rtol=1e-9, atol=1e-9)


def test_stages_run_as_many_streams_as_they_have_groups():
    _, backbone, _ = tuned()
    seen = []
    for stage in backbone.stages:
        stage.register_forward_hook(lambda _, __, out: seen.append(len(out[0])))
    levels = backbone(images().double())
    assert seen == [1, 2, 2, 3]
    assert [len(level) for level in levels] == [1, 3, 3, 3]


def test_weights_reach_the_tasks_of_their_group_alone():
    _, backbone, trainables = tuned(trains=())
    reached = {name: [] for name in trainables}
    for task, name in enumerate(TASKS):
        backbone.zero_grad()
        backbone(images().double())[3][task].square().sum().backward()
        for key, parameter in trainables.items():
            for group, gradient in enumerate(parameter.grad):
                if gradient.any():
                    reached[key].append((group, name))
    for key, pairs in reached.items():
        expected = {
            "0": {(0, name) for name in TASKS},
            "1": {(0, "semseg"), (1, "depth"), (1, "normals")},
            "2": {(0, "semseg"), (1, "depth"), (1, "normals")},
            "3": {(0, "semseg"), (1, "depth"), (2, "normals")},
        }[key.split(".")[1]]
        assert set(pairs) == expected, key


def test_counts_rank_times_the_sides_of_every_location_and_group():
    # width w: qkv 4w, proj 2w, fc1 5w, fc2 5w, reduction 6w per unit of rank; two blocks a stage
    _, _, trainables = tuned(rank=3, trains=())
    blocks = 2 * 16 * (1 * 8 + 2 * 16 + 2 * 32 + 3 * 64)
    assert sum(p.numel() for p in trainables.values()) == 3 * (blocks + 6 * (1 * 8 + 2 * 16 + 2 * 32))


def test_the_rank_map_names_tasks_where_they_have_parted():
    ranks = tuned()[0].rank_map()
    assert ranks["stages.0.blocks.1.attn.qkv"] == {"shared": 2}
    assert ranks["stages.1.merging.reduction"] == dict.fromkeys(TASKS, 2)


@pytest.mark.parametrize(
    "groups, sentence",
    [
        ("shared", "a grouping for each of 4 stages"),
        (("shared", "alone"), "a grouping for each of 4 stages"),
        (("shared", "shard", "alone", "alone"), "stage 1 are 'shard'.*Did you mean \"shared\""),
        (("shared", [["semseg", "depth"]], "alone", "alone"), "each of semseg, depth, normals once"),
        (
            ("shared", [["semseg"], ["depth", "normals", "edge"]], "alone", "alone"),
            "hold semseg, depth, normals",
        ),
        (("shared", [list(TASKS), []], "alone", "alone"), "no group may be empty"),
        (
            ("shared", PAIR, [["semseg", "depth"], ["normals"]], "alone"),
            "stage 2 join semseg, depth, which stage 1 parts",
        ),
        (("alone", "shared", "shared", "shared"), "stage 1 join semseg, depth, normals"),
    ],
)
def test_groups_that_are_no_nested_groupings_are_refused(groups, sentence):
    with pytest.raises(MtlbenchError, match=sentence):
        ProgTS(TASKS, groups=groups)
