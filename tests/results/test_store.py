from __future__ import annotations

import contextlib
import json
import os
import re

import pytest

from mtlbench.results import store
from mtlbench.results.errors import BadRecord
from mtlbench.results.store import iter_records, load_record, record_text, write_record


def test_a_record_survives_the_disk_bit_for_bit(make_record, tmp_path):
    record = make_record(values={"semseg": 0.1 + 0.2, "depth": 1 / 3})
    path = write_record(record, tmp_path / "new" / "folder")
    assert path.name == f"{record.run_id}.json"
    assert load_record(path) == record
    assert path.read_text(encoding="utf-8") == record_text(load_record(path))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_an_interrupted_write_leaves_the_old_file(make_record, tmp_path, monkeypatch):
    path = write_record(make_record(iterations=1), tmp_path)
    before = path.read_bytes()

    def crash(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="disk full"):
        write_record(make_record(iterations=2), tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"seed": 0', '"seed": 0, "seed": 1', "names a key twice"),
        ('"forward_passes": 1.0', '"forward_passes": NaN', "NaN, which is not a number of JSON"),
        (
            '"forward_passes": 1.0',
            '"forward_passes": 1e999',
            "'cost.forward_passes': Input should be a finite",
        ),
        ('"schema_version": 1', '"schema_version": 2', "'schema_version': Input should be 1"),
        ('"seed": 0', '"seed": 0, "host": "x"', "'host': Extra inputs are not permitted"),
        ('"seed": 0', '"seed": ' + "9" * 5000, "Exceeds the limit"),
        ('"lr": 0.0001', '"lr": ' + "[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('"name": "lora"', '"name": "\\ud800"', "'name'"),
    ],
    ids=["duplicate", "nan", "overflow", "version", "unknown", "digits", "depth", "surrogate"],
)
def test_hostile_json_is_one_clear_error(make_record, tmp_path, old, new, reason):
    text = record_text(make_record())
    assert old in text
    path = tmp_path / "record.json"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(BadRecord, match=r"is not a valid record: .*Never edit records") as error:
        load_record(path)
    assert reason in error.value.reason
    assert len(str(error.value)) < 600 + len(str(path))


def test_files_that_are_not_records(make_record, tmp_path):
    huge = tmp_path / "huge.json"
    huge.write_bytes(b" " * (store.MAX_BYTES + 1))
    link = tmp_path / "link.json"
    link.symlink_to(write_record(make_record(), tmp_path / "real"))
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe")
    for path, reason in [
        (huge, "larger than 2 MB"),
        (link, "symbolic links"),
        (pipe, "not a regular file"),
        (tmp_path, "regular file|directory"),
        (binary, "utf-8"),
        (tmp_path / "absent.json", "No such file"),
    ]:
        with pytest.raises(BadRecord, match=reason):
            load_record(path)


def test_a_bad_file_does_not_hide_the_others(make_record, tmp_path):
    paths = [write_record(make_record("lora", seed), tmp_path / "lora") for seed in (1, 0)]
    (tmp_path / "a.json").write_text(json.dumps([1]))
    (tmp_path / "notes.txt").write_text("no record")
    found = dict(iter_records(tmp_path))
    assert [*found] == [tmp_path / "a.json", *sorted(paths)]
    assert isinstance(found[tmp_path / "a.json"], BadRecord)
    assert [found[path].seed for path in sorted(paths)] == [0, 1]


def test_a_flipped_digit_is_noticed_where_a_record_says_it_twice(make_record, tmp_path):
    """Elsewhere only the history of a board tells, see docs/faults.md."""
    path, unnoticed = tmp_path / "record.json", set()
    lines = record_text(make_record()).splitlines(keepends=True)
    for index, line in enumerate(lines):
        for found in re.finditer("[0-9]", line):
            place, digit = found.start(), str((int(found[0]) + 1) % 10)
            path.write_text(
                "".join([*lines[:index], line[:place] + digit + line[place + 1 :], *lines[index + 1 :]])
            )
            with contextlib.suppress(BadRecord):
                load_record(path)
                unnoticed.add(line.strip().partition(":")[0].strip('"'))
    twice = {"run_id", "config_hash", "seed", "lr", "mIoU", "rmse", "value", "trainable", "schema_version"}
    assert not unnoticed & twice and {"macs", "created", "other"} < unnoticed
