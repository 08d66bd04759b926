"""Records of several sets of tasks say which should train together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mtlbench.grouping.errors import GroupingError
from mtlbench.grouping.results import by_tasks, find_records, from_changes, from_conflicts, from_wins
from mtlbench.grouping.search import best_cover
from mtlbench.results.schema import Record
from mtlbench.results.store import write_record

#: lower is better for depth
SINGLES = [{"semseg": 50.0}, {"depth": 0.5}, {"edge": 40.0}]
PAIRS = [
    {"semseg": 55.0, "depth": 0.45},
    {"semseg": 49.0, "edge": 44.0},
    {"depth": 0.4, "edge": 38.0},
]


@pytest.fixture
def run(make_record: Callable[..., Record]) -> Callable[..., Record]:
    """Return a function that makes the record of one set of tasks."""

    def run(values: dict[str, float], seed: int = 0, lr: float = 1e-4, **changes) -> Record:
        primary = {
            task: {"metric": "m", "unit": "", "value": value, "higher_is_better": task != "depth"}
            for task, value in values.items()
        }
        fields = {
            "config": {"lr": lr, "tasks": sorted(values), "single_task": False},
            "metrics": {task: {"m": value} for task, value in values.items()},
            "primary": primary,
        }
        return make_record("-".join(["lora", *values]), seed, {}, **(fields | changes))

    return run


def test_scores_are_changes_against_single_tasks_over_mean_seeds(run):
    singles = [run(values) for values in SINGLES]
    pairs = [run(values) for values in PAIRS]
    more = run({"semseg": 57.0, "depth": 0.35}, seed=1)
    found, measured = from_changes(by_tasks([*singles, *pairs, more]))
    assert found.between("depth", "semseg") == pytest.approx(12)
    assert found.between("semseg", "depth") == pytest.approx(20)
    assert found.between("edge", "depth") == pytest.approx(20)
    assert found.between("edge", "semseg") == pytest.approx(-2)
    assert found.alone == (0, 0, 0)
    assert {one.tasks for one in measured} == {("depth", "semseg"), ("edge", "semseg"), ("depth", "edge")}


def test_the_score_of_a_cover_is_its_delta_m(run):
    found, measured = from_changes(by_tasks([run(values) for values in SINGLES + PAIRS]))
    cover = best_cover(found.candidates(measured), found.tasks, 2)
    assert [one.tasks for one in cover.groups] == [("depth", "semseg"), ("edge", "semseg")]
    assert cover.score == pytest.approx((10 + 10 + 10) / 3)
    alone = best_cover(found.candidates(measured), found.tasks, 1)
    assert alone.groups[0].approximate
    assert alone.score == pytest.approx(((10 - 2) / 2 + (10 + 20) / 2 + (10 - 5) / 2) / 3)


def test_a_measured_triple_counts_as_measured(run):
    triple = run({"semseg": 75.0, "depth": 0.25, "edge": 60.0})
    found, measured = from_changes(by_tasks([*(run(values) for values in SINGLES + PAIRS), triple]))
    cover = best_cover(found.candidates(measured), found.tasks, 1)
    assert cover.scores == pytest.approx({"semseg": 50, "depth": 50, "edge": 50})


def test_without_a_single_task_run_there_is_nothing_to_compare_with(run):
    with pytest.raises(GroupingError, match="no run of edge alone.*single_task=true"):
        from_changes(by_tasks([run(values) for values in SINGLES[:2] + PAIRS]))


def test_runs_of_two_configs_are_refused(run):
    with pytest.raises(GroupingError, match=r"lora-semseg-\S+ and lora-depth-\S+ differ in .* \(lr\)"):
        by_tasks([run(SINGLES[0]), run(SINGLES[1], lr=1e-3)])


def test_runs_of_two_protocols_are_refused(run):
    with pytest.raises(GroupingError, match=r"\(protocol\)"):
        by_tasks([run(SINGLES[0]), run(SINGLES[1], protocol_hash="b" * 64)])


def replicated(run, values: dict[str, float], seed: int = 0, **wins: list[float]) -> Record:
    return run(values, seed, replicates=wins)


def test_partners_share_a_task_by_the_replicates_that_they_win(run):
    records = [
        replicated(run, {"semseg": 50.0}, semseg=[1, 1, 1, 1]),
        replicated(run, {"depth": 0.5}, depth=[0.5, 0.5, 0.5, 0.5]),
        replicated(run, {"semseg": 51.0, "depth": 0.4}, semseg=[2, 2, 2, 0], depth=[0.4, 0.6, 0.6, 0.6]),
    ]
    found = from_wins(by_tasks(records))
    assert found.between("depth", "semseg") == pytest.approx(0.75)
    assert found.between("semseg", "depth") == pytest.approx(0.25)
    assert found.alone == pytest.approx((0.75, 0.25))


def test_only_seeds_that_all_have_are_compared(run):
    records = [
        replicated(run, {"semseg": 50.0}, semseg=[1, 1]),
        replicated(run, {"depth": 0.5}, depth=[0.5, 0.5]),
        replicated(run, {"semseg": 51.0, "depth": 0.4}, semseg=[2, 2], depth=[0.4, 0.6]),
        replicated(run, {"semseg": 51.0, "depth": 0.4}, 1, semseg=[0, 0], depth=[0.9, 0.9]),
    ]
    assert from_wins(by_tasks(records)).between("depth", "semseg") == pytest.approx(0.999)


def test_what_transfer_lacks_is_said(run):
    whole = [run(values) for values in SINGLES + PAIRS]
    with pytest.raises(GroupingError, match="depth alone and with a partner lack bootstrap replicates"):
        from_wins(by_tasks(whole))
    with pytest.raises(GroupingError, match="lack a seed in common"):
        from_wins(by_tasks([*whole[:3], *(run(values, seed=1) for values in PAIRS)]))
    with pytest.raises(GroupingError, match="No run trains depth with one other task"):
        from_wins(by_tasks(whole[:3]))


def test_cosines_are_taken_from_records(run):
    values = {"semseg": 50.0, "depth": 0.5}
    records = [
        run(values, seed, conflicts={"all": {"depth|semseg": cosine}, "blocks.0": {"depth|semseg": 1.0}})
        for seed, cosine in enumerate([0.1, 0.3])
    ]
    found = from_conflicts(records)
    assert found.between("depth", "semseg") == found.between("semseg", "depth") == pytest.approx(0.2)
    with pytest.raises(GroupingError, match="None of these records holds cosines"):
        from_conflicts([run(values)])


def test_records_are_found_in_files_and_folders_once(run, tmp_path):
    first, second = (run(values) for values in SINGLES[:2])
    path = write_record(first, tmp_path / "a" / "b")
    write_record(second, tmp_path / "a")
    assert {record.run_id for record in find_records([path, tmp_path])} == {first.run_id, second.run_id}
    for lacking in (tmp_path / "nothing", tmp_path / "nothing.json"):
        with pytest.raises(GroupingError, match="holds no record"):
            find_records([lacking])
