from __future__ import annotations

import pytest

from mtlbench.boards.errors import RefusedRecord
from mtlbench.boards.submit import submit
from mtlbench.results.errors import BadRecord
from mtlbench.results.store import load_record, write_record


def test_a_record_is_copied_to_its_place(make_board, make_record, tmp_path):
    record = make_record("faar", 1)
    write_record(record, tmp_path / "run")
    (tmp_path / "run" / "scalars.json").write_text("{}")
    (tmp_path / "run" / f"{record.run_id}.verified.json").write_text("{}")  # as `mtlbench reproduce` does
    folder = make_board()
    path = submit(tmp_path / "run", folder)
    assert path == folder / "results" / "faar" / f"{record.run_id}.json"
    assert load_record(path) == record
    assert submit(tmp_path / "run", folder) == path


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"demo": True}, "it is a demonstration"),
        ({"provenance": {"dirty": True}}, "its code differed from the commit"),
        ({"protocol_hash": "b" * 64}, "its protocol_hash differs"),
        ({"values": {"depth": 0.5}}, "it has the tasks"),
    ],
    ids=["demo", "dirty", "protocol", "tasks"],
)
def test_a_record_that_the_board_does_not_take(make_board, make_record, tmp_path, changes, reason):
    folder = make_board()
    path = write_record(make_record("faar", **changes), tmp_path / "run")
    with pytest.raises(RefusedRecord, match=reason):
        submit(path, folder)
    assert not (folder / "results" / "faar").exists()


def test_a_published_record_is_never_replaced(make_board, make_record, tmp_path):
    folder = make_board(lora=[(55, 0.4)])
    (published,) = (folder / "results" / "lora").iterdir()
    before = published.read_bytes()
    path = write_record(make_record("lora", 0, {"semseg": 99.0, "depth": 0.1}), tmp_path / "run")
    assert path.name == published.name
    with pytest.raises(RefusedRecord, match="published records are never replaced"):
        submit(path, folder)
    assert published.read_bytes() == before


def test_a_run_holds_exactly_one_record(make_board, make_record, tmp_path):
    folder, run = make_board(), tmp_path / "run"
    run.mkdir()
    with pytest.raises(RefusedRecord, match="must hold one record, but holds: none"):
        submit(run, folder)
    for seed in (0, 1):
        write_record(make_record(seed=seed), run)
    with pytest.raises(RefusedRecord, match=r"seed0\.json, lora-.*-seed1\.json"):
        submit(run, folder)


def test_a_record_cannot_leave_the_board(make_board, make_record, tmp_path):
    folder = make_board()
    path = write_record(make_record("lora"), tmp_path / "run")
    path.write_text(path.read_text().replace('"name": "lora"', '"name": "../../lora"'))
    with pytest.raises(BadRecord, match="'name'"):
        submit(path, folder)
