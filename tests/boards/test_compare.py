from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mtlbench.boards.board import load_board
from mtlbench.boards.compare import DELTA, compare
from mtlbench.boards.contenders import compare_named
from mtlbench.boards.errors import Incomparable
from mtlbench.metrics.bootstrap import REPLICATES
from mtlbench.results.store import write_record

BETTER = [(60, 0.4), (58, 0.41), (62, 0.38)]
WORSE = [(50, 0.5), (49, 0.52), (52, 0.49)]
NEAR = [(51, 0.5), (48, 0.5), (52, 0.51)]


def named(folder, first, second):
    return compare_named(first, second, "toy", folder.parent)


def test_changes_and_their_difference_by_hand(make_board):
    # references: 50 % and 0.5 m. a: +10 % and +20 % -> 15; b: +20 % and -10 % -> 5
    found = named(make_board(a=[(55, 0.4)] * 2, b=[(60, 0.55)] * 2), "a", "b")
    assert found.changes["semseg"] == pytest.approx((10, 20))
    assert found.changes["depth"] == pytest.approx((20, -10))
    assert found.changes[DELTA] == pytest.approx((15, 5))
    assert found.gaps["depth"].difference == pytest.approx(-30)
    assert found.gaps[DELTA].difference == pytest.approx(-10)
    assert str(found) == "a is better than b by 10.00 ± 0.00 Δm (95 %)."


def test_seeds_alone_are_welchs_interval(make_board):
    folder = make_board(a=WORSE, b=BETTER)
    found = named(folder, "a", "b")
    deltas = [
        [(100 * (miou - 50) / 50 - 100 * (rmse - 0.5) / 0.5) / 2 for miou, rmse in runs]
        for runs in (BETTER, WORSE)
    ]
    low, high = stats.ttest_ind(*deltas, equal_var=False).confidence_interval(0.95)
    assert found.gaps[DELTA].difference == pytest.approx((low + high) / 2)
    assert found.gaps[DELTA].half_width == pytest.approx((high - low) / 2)
    assert found.noise == ("seeds",)
    assert found.seeds == (3, 3)


def test_the_sentence_names_the_better_one_or_says_that_there_is_no_evidence(make_board):
    folder = make_board(a=WORSE, b=BETTER, c=NEAR)
    gaps = named(folder, "a", "b").gaps[DELTA]
    expected = f"b is better than a by {gaps.difference:.2f} ± {gaps.half_width:.2f} Δm (95 %)."
    assert str(named(folder, "a", "b")) == str(named(folder, "b", "a")) == expected
    assert str(named(folder, "a", "c")).startswith("No evidence of a difference: c minus a is ")


def _replicated(make_record, name, seeds, noise, **values):
    """Return records whose replicates are their values times 1 + noise."""
    return [
        make_record(
            name,
            seed,
            values,
            replicates={task: (value * (1 + noise)).tolist() for task, value in values.items()},
        )
        for seed in range(seeds)
    ]


@pytest.fixture
def images(make_board, make_record):
    """Return a function that compares two methods of one seed whose replicates err as they are told."""
    board = load_board(make_board())

    def run(first, second, reference):
        return compare(
            _replicated(make_record, "a", 1, first, semseg=55.0, depth=0.5),
            _replicated(make_record, "b", 1, second, semseg=60.0, depth=0.5),
            {
                "semseg": _replicated(make_record, "single-task-semseg", 3, reference, semseg=50.0),
                "depth": _replicated(make_record, "single-task-depth", 3, reference, depth=0.5),
            },
            board,
        )

    return run


def test_images_alone_are_the_spread_of_paired_replicates(images):
    first, second = 0.01 * np.random.default_rng(0).normal(size=(2, REPLICATES))
    found = images(first, second, 0 * first)
    assert found.noise == ("images",)
    differences = 120 * (1 + second) - 110 * (1 + first)
    quantile = stats.t.ppf(0.975, REPLICATES - 1)
    assert found.gaps["semseg"].half_width == pytest.approx(quantile * differences.std(ddof=1))
    # depth gains what semseg loses, so Δm spreads by half of the difference of both changes
    both = differences / 2 - (100 * (1 + second) - 100 * (1 + first)) / 2
    assert found.gaps[DELTA].half_width == pytest.approx(quantile * both.std(ddof=1))


def test_hard_images_that_all_share_cancel_if_the_reference_is_replicated_too(images):
    shared = 0.05 * np.random.default_rng(1).normal(size=REPLICATES)
    assert images(shared, shared, shared).gaps[DELTA].half_width == pytest.approx(0, abs=1e-9)
    assert images(shared, shared, 0 * shared).gaps[DELTA].half_width > 0.1


def test_methods_are_found_by_name_by_file_and_by_folder(make_board, make_record, tmp_path):
    folder = make_board(a=WORSE, b=BETTER)
    for seed, (miou, rmse) in enumerate(BETTER):
        record = make_record("b", seed, {"semseg": miou, "depth": rmse}, board="toy")
        write_record(record, tmp_path / "runs" / f"seed{seed}")
    (tmp_path / "runs" / "seed0" / "scalars.json").write_text("{}")
    expected = named(folder, "a", "b")
    assert compare_named("a", str(tmp_path / "runs"), None, folder.parent) == expected
    (single,) = (tmp_path / "runs" / "seed1").glob("*.json")
    with pytest.raises(Incomparable, match="a method has one seed"):
        compare_named("a", str(single), "toy", folder.parent)


@pytest.mark.parametrize(
    ("method", "board", "message"),
    [
        ("lorra", "toy", 'neither a method of the board nor a file or folder. Did you mean "lora"?'),
        ("single-task-depth", "toy", "Δm needs all of the board's tasks in one run"),
        ("lora", None, "say which board gives the single-task references with --board NAME"),
        ("single", "toy", "Nothing tells this gap from noise: a method has one seed"),
        ("{tmp}", "toy", "holds no record; pass the folder of finished runs"),
        ("{tmp}/leaderboards/toy/results", "toy", "One side holds several methods: lora, single"),
    ],
)
def test_what_cannot_be_compared(make_board, make_record, tmp_path, method, board, message):
    folder = make_board(lora=WORSE, single=WORSE[:1])
    (tmp_path / "empty").mkdir()
    place = method.replace("{tmp}/", f"{tmp_path}/").replace("{tmp}", str(tmp_path / "empty"))
    with pytest.raises(Incomparable) as caught:
        compare_named(place, "lora", board, folder.parent)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol_hash": "b" * 64}, "its protocol_hash differs from the board's"),
        ({"provenance": {"data": {"train": "other"}}}, "its data differs from the board's"),
        ({"config": {"rank": 64}}, "come from different configs"),
        ({"seed": 0}, "have the same seed"),
    ],
    ids=["protocol", "data", "config", "seed"],
)
def test_runs_that_do_not_belong_together(make_board, make_record, changes, message):
    folder = make_board()
    board = load_board(folder)
    runs = [make_record("b", 0), make_record(**{"name": "b", "seed": 1, **changes})]
    references = {task: [make_record(f"single-task-{task}", 0, {task: 0.5})] for task in ("semseg", "depth")}
    with pytest.raises(Incomparable, match=message):
        compare([make_record("a", 0), make_record("a", 1)], runs, references, board)


def test_without_a_reference_there_is_no_delta(make_board, make_record):
    with pytest.raises(Incomparable, match="no single-task reference of depth"):
        compare([], [], {"semseg": [make_record()], "depth": []}, load_board(make_board()))


def test_references_without_replicates_are_taken_as_they_are(make_board, make_record):
    first, second = 0.01 * np.random.default_rng(0).normal(size=(2, REPLICATES))
    sides = (
        _replicated(make_record, "a", 1, first, semseg=55.0, depth=0.5),
        _replicated(make_record, "b", 1, second, semseg=60.0, depth=0.5),
    )
    board, values = load_board(make_board()), {"semseg": 50.0, "depth": 0.5}

    def standard():
        return {
            task: [make_record(f"single-task-{task}", 0, {task: value})] for task, value in values.items()
        }

    plain = compare(*sides, standard(), board)
    constant = compare(
        *sides,
        {
            task: _replicated(make_record, f"single-task-{task}", 1, 0 * first, **{task: value})
            for task, value in values.items()
        },
        board,
    )
    assert plain.fixed_references and not constant.fixed_references
    assert plain.gaps == constant.gaps and plain.noise == ("images",)
