from __future__ import annotations

import math

import pytest

from mtlbench.boards.admission import admit
from mtlbench.boards.aggregate import Spread, aggregate, tie
from mtlbench.boards.board import load_board
from mtlbench.boards.references import reference_for
from mtlbench.boards.render import readme
from mtlbench.results.store import write_record


def add(folder, record):
    return write_record(record, folder / "results" / record.name)


def refusals(folder):
    return [refusal.reason for refusal in admit(folder, load_board(folder))[1]]


def test_delta_and_deviation_by_hand(make_board):
    # references: 50 % and 0.5 m. Seed 0: +10 % and +20 % -> 15; seed 1: 0; seed 2: -10 % and -20 % -> -15
    standing = aggregate(make_board(lora=[(55, 0.4), (50, 0.5), (45, 0.6)]))
    (lora,) = standing.ranked
    assert lora.delta == pytest.approx((0, 15))  # sqrt((225 + 0 + 225) / (3 - 1)) = 15
    assert lora.metrics["semseg"] == pytest.approx((50, 5))
    assert lora.contributions["semseg"] == pytest.approx((0, 10))
    assert lora.contributions["depth"] == pytest.approx((0, 20))


def test_the_deviation_is_of_each_seeds_delta_and_not_of_its_tasks(make_board):
    # what semseg gains, depth loses: Δm is 0 for every seed though both tasks move by 10 %
    (lora,) = aggregate(make_board(lora=[(55, 0.55), (50, 0.5), (45, 0.45)])).ranked
    assert lora.delta == pytest.approx((0, 0), abs=1e-12)
    assert lora.contributions["depth"].std == pytest.approx(10)


def test_methods_are_ranked_best_first_whatever_their_names(make_board):
    standing = aggregate(make_board(a=[(40, 0.5)] * 3, b=[(60, 0.5)] * 3, c=[(50, 0.5)] * 3))
    assert [(method.name, method.rank, method.tied) for method in standing.ranked] == [
        ("b", 1, False),
        ("c", 2, False),
        ("a", 3, False),
    ]


def test_ties_share_the_rank_of_the_best_of_them(make_board):
    wide = [(45, 0.5), (50, 0.5), (55, 0.5)]  # Δm 0 ± 5
    near = [(44, 0.5), (49, 0.5), (54, 0.5)]  # Δm -1 ± 5: 1 <= 7.1
    far = [(30, 0.5), (30, 0.5), (30, 0.5)]  # Δm -20 ± 0
    standing = aggregate(make_board(far=far, near=near, wide=wide))
    assert [(method.name, method.rank, method.tied) for method in standing.ranked] == [
        ("wide", 1, True),
        ("near", 1, True),
        ("far", 3, False),
    ]


def test_a_tie_is_a_gap_within_one_deviation_of_the_gap():
    assert tie(Spread(5, 3), Spread(0, 4))  # sqrt(9 + 16) = 5
    assert not tie(Spread(5.01, 3), Spread(0, 4))
    assert tie(Spread(1, 0.0), Spread(1, 0.0))
    assert math.isclose(Spread.of([1, 2, 4]).std, math.sqrt(7 / 3))
    assert Spread.of([1]) == (1, None)


def test_a_method_without_all_seeds_is_shown_but_not_ranked(make_board):
    standing = aggregate(make_board(lora=[(55, 0.4), (50, 0.5)]))
    assert not standing.ranked
    (lora,) = standing.unranked
    assert lora.problems == ("seeds missing: 2",)
    assert lora.delta.mean == pytest.approx(7.5)


def test_a_method_of_two_configs_is_not_ranked(make_board, make_record):
    folder = make_board(lora=[(55, 0.4), (50, 0.5)])
    add(folder, make_record("lora", 2, config={"rank": 64}))
    (lora,) = aggregate(folder).unranked
    assert lora.problems == ("its records come from 2 different configs",)


def test_without_a_complete_reference_nothing_is_ranked(make_board):
    folder = make_board(lora=[(55, 0.4)] * 3)
    (reference,) = (folder / "results" / "single-task-depth").glob("*seed1.json")
    reference.unlink()
    (lora,) = aggregate(folder).unranked
    assert lora.delta is None
    assert lora.problems == ("the reference of depth is incomplete",)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"demo": True}, "it is a demonstration"),
        ({"provenance": {"dirty": True}}, "its code differed from the commit"),
        ({"board": "other"}, "it was made for the board other"),
        ({"seed": 7}, "its seed 7 is not one of the board's"),
        ({"protocol_hash": "b" * 64}, "its protocol_hash differs"),
        ({"provenance": {"weights": "other"}}, "its weights differs"),
        ({"provenance": {"data": {"train": "other"}}}, "its data differs"),
        ({"values": {"semseg": 50.0}}, "it has the tasks ['semseg'] where the board has ['depth', 'semseg']"),
        ({"name": "single-task-depth", "values": {"semseg": 50.0}}, "where the board has ['depth']"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_records_that_do_not_count(make_board, make_record, changes, reason):
    folder = make_board(lora=[(55, 0.4)] * 3)
    record = make_record(**{"name": "stranger", **changes})
    add(folder, record)
    (found,) = refusals(folder)
    assert reason in found
    standing = aggregate(folder)
    assert [method.name for method in standing.ranked] == ["lora"]
    assert all(run is not record for method in standing.methods for run in method.records)
    assert [refusal.path for refusal in standing.refused] == [f"{record.name}/{record.run_id}.json"]


def test_a_metric_of_another_direction_or_unit_does_not_count(make_board, make_record):
    folder = make_board()
    record = make_record("stranger")
    depth = {**record.primary["depth"].model_dump(), "higher_is_better": True}
    add(
        folder,
        make_record("stranger", primary={"semseg": record.primary["semseg"].model_dump(), "depth": depth}),
    )
    assert refusals(folder) == ["the primary metric of depth is not the board's depth rmse ↓ (m)"]


def test_a_record_counts_in_its_own_place_only(make_board, make_record):
    folder = make_board()
    path = add(folder, make_record("lora"))
    path.rename(path.with_name("lora-better.json"))
    path = add(folder, make_record("faar"))
    path.parent.rename(path.parent.with_name("other"))
    assert [reason.split("/")[0] for reason in refusals(folder)] == [
        "its path must be lora",
        "its path must be faar",
    ]


def test_what_is_frozen_in_the_board_binds_the_first_record_too(make_board):
    folder = make_board()
    with (folder / "board.toml").open("a") as file:
        file.write(f'[frozen]\nprotocol_hash = "{"b" * 64}"\nweights = "e"\ndata = {{}}\n')
    records, refused = admit(folder, load_board(folder))
    assert not records
    assert len(refused) == 6


def test_references_are_means_of_accepted_records_of_the_protocol(make_board, make_record):
    folder = make_board()
    add(folder, make_record("single-task-depth", 7, {"depth": 100.0}))
    add(folder, make_record("single-task-semseg", 0, {"semseg": 100.0}, config={}, demo=True))
    found = reference_for(folder, ["depth", "semseg", "normals"])
    assert found == {"depth": (pytest.approx(0.5), 3), "semseg": (50, 3)}
    assert reference_for(folder, ["depth"], make_record()) == {"depth": (pytest.approx(0.5), 3)}
    assert reference_for(folder, ["depth"], make_record(protocol_hash="b" * 64)) == {}


def experiment(name: str, **changes):
    """Return what a config says that a board may freeze, and an adapter."""
    frozen = ("dataset", "train_transforms", "eval_transforms", "label_protocol", "backbone")
    length = {"batch_size": 8, "iterations": 160, "epochs": None}
    content = {key: {"type": key} for key in frozen} | {"schedule": length, "evaluation": {"mode": "native"}}
    return {**content, "adapter": {"type": name}, **changes}


def test_a_board_that_frees_label_protocols_takes_records_of_all_of_them(make_board, make_record):
    folder = make_board()
    for path in (folder / "results").glob("*/*.json"):
        path.unlink()
    text = (folder / "board.toml").read_text()
    (folder / "board.toml").write_text(text.replace("[[tasks]]", 'free = ["label_protocol"]\n\n[[tasks]]', 1))
    one = {"label_protocol": {"type": "one-label"}}

    def give(name, values=None, protocol="a", **changes):
        for seed in range(3):
            config = experiment(name, **changes)
            add(folder, make_record(name, seed, values, config=config, protocol_hash=protocol * 64))

    give("single-task-semseg", {"semseg": 50.0})
    give("single-task-depth", {"depth": 0.5})
    give("full")
    give("one", protocol="b", **one)
    give("others-rooms", dataset={"type": "nyud"}, **one)
    give("no-experiment", schedule="long")
    standing = aggregate(folder)
    assert {method.name for method in standing.ranked} == {"full", "one"}
    assert {refusal.reason for refusal in standing.refused} == {"its protocol_hash differs from the board's"}
    assert len(standing.refused) == 6
    last = make_record(config=experiment("new", **one), protocol_hash="c" * 64)
    assert reference_for(folder, ["depth"], last) == {"depth": (pytest.approx(0.5), 3)}
    assert "but for `label_protocol`, selection rule" in readme(standing, [])
