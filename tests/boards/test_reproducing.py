from __future__ import annotations

import json

import pytest

from mtlbench.boards.aggregate import aggregate
from mtlbench.boards.board import load_board
from mtlbench.boards.check import check
from mtlbench.boards.errors import BadBoard
from mtlbench.boards.rebuild import drawn, jobs_of, only
from mtlbench.boards.render import render
from mtlbench.boards.reproducing import board_of, rebuilt_table, tolerances, verified
from mtlbench.results.errors import BadRecord
from mtlbench.results.store import (
    load_record,
    load_verification,
    record_text,
    verification_file,
    write_atomically,
)
from mtlbench.results.verification import verify
from mtlbench.sweep.jobs import Job

RUNS = [(55, 0.4), (50, 0.5), (45, 0.6)]


@pytest.fixture
def board(make_board):
    return make_board(lora=RUNS)


def attest(folder, make_record, seed=0, values=(55.0, 0.4), allowed=None):
    """Write what a run that gave `values` says about a published record."""
    path = sorted((folder / "results/lora").glob(f"*-seed{seed}.json"))[0]
    again = make_record("lora", seed, {"semseg": values[0], "depth": values[1]})
    allowed = allowed or tolerances(load_record(path), load_board(folder))
    found = verify(load_record(path), path.read_bytes(), again, allowed)
    write_atomically(verification_file(path), record_text(found).encode())
    return path, found


def test_equal_numbers_are_equal(board, make_record):
    path, found = attest(board, make_record)
    assert found.equal and found.within() and verified(path, load_record(path), load_board(board))
    assert load_verification(verification_file(path)) == found
    assert check(board).refusals == []


def test_five_percent_are_allowed_unless_the_board_says_otherwise(board, make_record):
    path, found = attest(board, make_record, values=(55 * 1.049, 0.4))
    assert found.within() and not found.equal
    assert verified(path, load_record(path), load_board(board))
    path, found = attest(board, make_record, values=(55 * 1.051, 0.4))
    assert not found.within()
    text = (board / "board.toml").read_text()
    (board / "board.toml").write_text(text.replace('unit = "%"', 'unit = "%"\ntolerance = 0.1'))
    assert not verified(path, load_record(path), load_board(board))
    assert tolerances(load_record(path), board_of(path)) == {"semseg": 0.1, "depth": pytest.approx(0.02)}


def test_a_verification_s_own_tolerance_does_not_count(board, make_record):
    path, found = attest(board, make_record, values=(99.0, 0.4), allowed={"semseg": 100.0, "depth": 1.0})
    assert found.within() and verified(path, load_record(path), load_board(board)) is False


def test_the_page_counts_verified_and_contradicted_runs(board, make_record):
    attest(board, make_record, 0)
    attest(board, make_record, 1, (50.0, 0.9))
    (method,) = aggregate(board).ranked
    assert (method.verified, method.contradicted) == (1, 1)
    render(board)
    assert "3 (1 ✓, 1 ✗)" in (board / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: c.update(record="0" * 64), "another file of that name"),
        (lambda c: c.update(run_id="lora-00000000-seed0"), "it is about lora-00000000-seed0"),
        (
            lambda c: c["published"].update(semseg=54.0) or c["differences"].update(semseg=1.0),
            "published numbers",
        ),
        (lambda c: c["differences"].update(semseg=0.5), "not that of its two values"),
        (lambda c: c["tolerances"].pop("semseg"), "the same tasks"),
        (lambda c: c.update(note="<script>"), "Extra inputs"),
        (lambda c: c["reproduced"].update(semseg=float("nan")), "NaN"),
    ],
)
def test_a_verification_that_lies_is_refused(board, make_record, change, reason):
    path, _ = attest(board, make_record)
    file = verification_file(path)
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    (refusal,) = check(board).refusals
    assert refusal.path.endswith(".verified.json") and reason in refusal.reason
    assert verified(path, load_record(path), load_board(board)) is False


def test_what_does_not_belong_below_results_is_refused(board, tmp_path):
    results = board / "results"
    path = sorted((results / "lora").glob("*.json"))[0]
    (results / "lora" / "notes.txt").write_text("x")
    (results / "linked").symlink_to(tmp_path)
    (results / "lora" / "link.json").symlink_to(path)
    (results / "lora" / "orphan.verified.json").write_text("{}")
    found = {refusal.path: refusal.reason for refusal in check(board).refusals}
    assert "neither a record nor" in found["lora/notes.txt"]
    assert found["linked"] == "it is a link" and "link" in found["lora/link.json"]
    assert "its record cannot be read" in found["lora/orphan.verified.json"]


def test_a_method_that_lacks_a_seed_is_incomplete_and_not_wrong(board):
    sorted((board / "results/lora").glob("*.json"))[0].unlink()
    found = check(board)
    assert found.refusals == [] and found.incomplete == ["lora: seeds missing: 0"]
    assert found.count == 8


def test_fresh_runs_are_held_against_published_ones(board, make_record):
    published = [load_record(path) for path in sorted((board / "results/lora").glob("*.json"))]
    fresh = [
        make_record("lora", 0, {"semseg": 55.0, "depth": 0.4}),
        make_record("lora", 1, {"semseg": 51.0, "depth": 0.5}),
        make_record("lora", 2, {"semseg": 45.0, "depth": 0.9}),
    ]
    text, beyond = rebuilt_table([*zip(published, fresh, strict=True)], load_board(board))
    assert beyond == 1
    assert [line.split("|")[3].strip() for line in text.splitlines()[2:]] == ["equal", "within", "BEYOND"]


def test_a_board_is_rebuilt_from_its_configs(board, tiny_config, tmp_path):
    with pytest.raises(BadBoard, match="names configs/lora_toy.py, which is not in"):
        jobs_of(board, tmp_path / "runs")
    (tmp_path / "configs").mkdir()
    tiny_config('name = "lora"', name="configs/lora_toy.py")
    jobs = jobs_of(board, tmp_path / "runs")
    assert [(job.config.name, job.seed) for job in jobs] == [("lora_toy.py", seed) for seed in (0, 1, 2)]
    assert only(jobs, ["lora"]) == jobs
    with pytest.raises(BadBoard, match='trains "lara".* Did you mean "lora"'):
        only(jobs, ["lara"])


@pytest.fixture
def timed_jobs(board, tmp_path):
    """Return jobs of the board's lora, whose records say 100 s, 150 s and an age, and one unpublished."""
    names = []
    for seconds, path in zip((100, 150, 1e30), sorted((board / "results/lora").glob("*.json")), strict=True):
        content = json.loads(path.read_text())
        content["cost"]["train_seconds"] = seconds
        path.write_text(json.dumps(content))
        names.append(path.stem)
    names.append("lora-00000000-seed3")
    return [Job(tmp_path / "c.py", seed, name, tmp_path, tmp_path, name) for seed, name in enumerate(names)]


def test_a_draw_fits_the_budget_by_the_times_in_records(board, timed_jobs):
    # 40 s, the median of the board's nine records, are expected of the one that nobody has run, 160 s at most
    seconds = dict(zip(timed_jobs, (100, 150, 160, 40), strict=True))
    for seed in range(40):
        chosen, spent = drawn(board, timed_jobs, 300, seed)
        assert len({*chosen}) == len(chosen) and spent == sum(seconds[job] for job in chosen) <= 300
        assert (chosen, spent) == drawn(board, timed_jobs, 300, seed)
        order, whole = drawn(board, timed_jobs, 450, seed)
        assert whole == 450 and {*order} == {*timed_jobs} and order[: len(chosen)] == chosen
        assert spent + seconds[order[len(chosen)]] > 300
        assert drawn(board, timed_jobs, 1, seed)[0] == order[:1]
    first = {drawn(board, timed_jobs, 1, seed)[0][0] for seed in range(40)}
    assert first == {*timed_jobs}


def test_records_without_times_bound_no_draw(board, timed_jobs):
    for path in (board / "results").rglob("*.json"):
        content = json.loads(path.read_text())
        content["cost"]["train_seconds"] = None
        path.write_text(json.dumps(content))
    with pytest.raises(BadBoard, match="how long it trained"):
        drawn(board, timed_jobs, 300, 0)


def test_a_missing_verification_is_no_verdict(board):
    path = sorted((board / "results/lora").glob("*.json"))[0]
    assert verified(path, load_record(path), load_board(board)) is None
    with pytest.raises(BadRecord):
        load_verification(verification_file(path))
