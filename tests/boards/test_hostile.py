"""What strangers may send to a board is refused by one error, does nothing, and shows as text."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import subprocess
from pathlib import Path

import pytest

from mtlbench.results.schema import config_hash, run_id
from mtlbench.results.store import MAX_BYTES, record_text, write_record

RUNS = [(55, 0.4), (50, 0.5), (45, 0.6)]


class Executed:
    """Write a file when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return Path.write_text, (self.canary, "executed")


@pytest.fixture
def board(make_board):
    return make_board(lora=RUNS)


@pytest.fixture
def text(make_record):
    """Return the text of a record that the board takes."""
    return record_text(make_record("evil"))


def changed(text: str, **fields: object) -> str:
    """Return the text of a record with other fields, and with hashes and an id that follow from them."""
    record = json.loads(text) | fields
    record["config_hash"] = config_hash(record["config"])
    record["run_id"] = run_id(record["name"], record["config_hash"], record["seed"])
    return json.dumps(record)


def number(value: str):
    return lambda text: text.replace('"forward_passes": 1.0', f'"forward_passes": {value}')


def field(name: str, value: object):
    return lambda text: changed(text, **{name: value})


def provenance(name: str, value: object):
    return lambda text: changed(text, provenance=json.loads(text)["provenance"] | {name: value})


CONTENTS = {
    "a byte order mark": (lambda text: b"\xef\xbb\xbf" + text.encode(), "BOM"),
    "UTF-16": (lambda text: text.encode("utf-16"), "utf-8"),
    "Latin-1": (lambda text: text.replace("cpu", "cpü").encode("latin-1"), "utf-8"),
    "nothing": (lambda text: b"", "Expecting value"),
    "two records": (lambda text: text + text, "Extra data"),
    "a list": (lambda text: f"[{text}]", "valid dictionary"),
    "too much": (lambda text: text + " " * MAX_BYTES, "larger than 2 MB"),
    "a tag of yaml": (lambda text: "!!python/object/apply:os.system [id]", "Expecting value"),
    "version true": (field("schema_version", True), "whole number"),
    "version 1.0": (field("schema_version", 1.0), "whole number"),
    "version text": (field("schema_version", "1"), "whole number"),
    "version of the future": (field("schema_version", 10**9), "should be 1"),
    "a key twice, deep inside": (number('1.0, "macs": 1, "macs": 2'), "names a key twice"),
    "an infinity": (number("-Infinity"), "not a number of JSON"),
    "beyond floats": (number("1e400"), "cost.forward_passes"),
    "beyond sums": (number("1.1e30"), "cost.forward_passes"),
    "integer beyond floats": (number("1" + "0" * 400), "cost.forward_passes"),
    "a loss beyond sums": (field("curves", {"depth": [-1e31]}), "curves.depth.0"),
    "deeper than validation": (
        lambda text: changed(text, config={"x": json.loads("[" * 300 + "]" * 300)}),
        "depth",
    ),
    "long text": (provenance("device", "x" * 1_000_000), "provenance.device"),
    "blank text": (provenance("device", "   "), "without blanks"),
    "codes of a terminal": (provenance("device", "\x1b]0;owned\x07\x1b[2J"), "printable"),
    "codes in a key": (provenance("plugins", {"\x1b[2J": "1.0"}), "printable"),
    "a direction that turns": (provenance("platform", "a\u202eb"), "printable"),
    "a surrogate": (lambda text: text.replace("Linux", "\\ud800"), "provenance.platform"),
    "a version that is markup": (provenance("python", "<b>"), "provenance.python"),
    "a component with a path": (field("components", {"adapter": "mtlbench:../evil==1"}), "components"),
    "an id that climbs": (lambda text: text.replace('id": "evil', 'id": "../../evil'), "run_id"),
    "another file's id": (lambda text: text.replace('"seed": 0', '"seed": 1'), "run_id must be"),
}
NAMES = {
    "climbing": "../../../evil",
    "climbing on Windows": "..\\..\\evil",
    "absolute": "/tmp/evil",
    "a drive": "c:evil",
    "a stream": "evil:data",
    "NUL": "evil\0",
    "dots": "..",
    "the console": "con",
    "a device with a suffix": "nul.txt",
    "a port": "com1",
    "a dot at the end": "lora.",
    "a blank at the end": "lora ",
    "a dash at the end": "lora-",
    "long": "e" * 101,
    "capitals": "LoRA",
    "Cyrillic": "l\u043era",
    "full width": "\uff4cora",
    "no width": "lo\u200bra",
    "right to left": "\u202earol",
    "combining": "lora\u0301",
    "markup": "<b>lora</b>",
    "an option": "--help",
    "hidden": ".git",
}
CONTENTS |= {
    f"a name: {what}": (field("name", name), "is not a valid record") for what, name in NAMES.items()
}


@pytest.mark.parametrize("what", CONTENTS)
def test_what_is_no_record_is_refused(
    cli, make_board, text, tmp_path, what, everything, outside, nothing_acts
):
    board, (change, reason) = make_board(), CONTENTS[what]  # nothing is ranked, so that nothing is drawn
    content = change(text)
    content = content if isinstance(content, bytes) else content.encode()
    source = tmp_path / "submitted.json"
    source.write_bytes(content)
    before = everything(tmp_path)
    result = cli("board", "submit", source, "--board", board)
    assert result.exit_code == 2 and reason in result.output and str(source) in result.output
    assert everything(tmp_path) == before

    (board / "results/single-task-depth/by-hand.json").write_bytes(content)
    before = outside(tmp_path, board)
    result = cli("board", "check", board)
    assert result.exit_code == 1 and "refused: single-task-depth/by-hand.json: " in result.output
    assert "6 records count, 1 objections." in result.output
    assert cli("board", "render", board).exit_code == 0
    assert "by-hand.json" in (board / "README.md").read_text(encoding="utf-8")
    nothing_acts(board)
    assert outside(tmp_path, board) == before


@pytest.mark.parametrize("name", ["evil.json", "lora.verified.json", "board.toml", "papers.toml"])
def test_a_pickle_is_never_loaded(cli, board, tmp_path, name):
    canary = tmp_path / "executed"
    content = pickle.dumps(Executed(canary))
    path = board / name if name.endswith(".toml") else board / "results/lora" / name
    path.write_bytes(content)
    submitted = cli("board", "submit", path, "--board", board)
    assert submitted.exit_code == 2 and cli("board", "check", board).exit_code
    assert cli("board", "render", board).exit_code == (2 if name.endswith(".toml") else 0)
    assert not canary.exists()
    with contextlib.suppress(Exception):
        pickle.loads(content)
    assert canary.exists()  # so it would have been seen


@pytest.mark.parametrize("linked", ["results", "results/faar"])
def test_no_record_leaves_through_a_link(cli, board, make_record, tmp_path, linked, everything):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = board / linked
    if path.exists():
        path.rename(tmp_path / "moved")
    path.symlink_to(elsewhere)
    source = write_record(make_record("faar"), tmp_path / "run")
    before = everything(tmp_path)
    result = cli("board", "submit", source, "--board", board)
    assert result.exit_code == 2 and f"{path.name} is a link" in result.output
    assert everything(tmp_path) == before
    result = cli("board", "check", board)
    assert result.exit_code == 1 and "it is a link" in result.output and path.name in result.output
    assert cli("board", "render", board).exit_code == 0
    assert not [*elsewhere.iterdir()]


@pytest.mark.parametrize("name", ["README.md", "index.html", "plots", "plots/tasks.svg"])
def test_no_page_leaves_through_a_link(cli, board, tmp_path, name, outside):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir() if name == "plots" else elsewhere.write_text("mine")
    (board / name).parent.mkdir(exist_ok=True)
    (board / name).symlink_to(elsewhere)
    before = outside(tmp_path, board)
    result = cli("board", "check", board)
    assert result.exit_code == 1 and f"refused: {name}: it is a link" in result.output
    result = cli("board", "render", board)
    assert result.exit_code == (2 if name == "plots" else 0)
    assert outside(tmp_path, board) == before
    assert not [*elsewhere.iterdir()] if name == "plots" else not (board / name).is_symlink()


@pytest.mark.parametrize("name", ["README.md", "plots", "plots/tasks.svg"])
def test_a_page_whose_place_is_taken_is_one_error(cli, board, name):
    (board / name).mkdir(parents=True) if name != "plots" else (board / name).write_text("x")
    result = cli("board", "check", board)
    assert result.exit_code == 1 and f"refused: {name}: it is" in result.output
    result = cli("board", "render", board)
    assert result.exit_code == 2 and "Clear the way" in result.output


def test_a_link_that_lies_in_wait_is_not_followed(cli, board, tmp_path):
    (tmp_path / "mine").write_text("mine")
    (board / f".README.md.{os.getpid()}.tmp").symlink_to(tmp_path / "mine")
    assert cli("board", "render", board).exit_code == 0
    assert (tmp_path / "mine").read_text() == "mine" and not (board / "README.md").is_symlink()


ODD = {
    "codes of a terminal": b"\x1b[2J.json",
    "a line": b"a\n9 records count, 0 objections..json",
    "no text": b"\xff\xfe.json",
    "a direction that turns": "\u202egnp.json".encode(),
    "markup": b"<script>alert(1)<.json",
    "a link": b"[a](javascript:b).json",
    "cells": b"|`a`|.json",
    "no text, no record": b"\xff.txt",
    "a verification": b"\x1b[1m.verified.json",
    "a folder with capitals": b"LoRA",
    "a folder, no text": b"\xff",
}


@pytest.mark.parametrize("name", ODD.values(), ids=ODD)
def test_names_of_files_are_shown_as_text(cli, board, tmp_path, name, nothing_acts):
    path = os.path.join(os.fsencode(board), b"results", b"lora", name)
    if b"." in name:
        Path(os.fsdecode(path)).write_text("{}")
    else:
        os.makedirs(path)
        path = os.path.join(path, b"x.json")
        Path(os.fsdecode(path)).write_text("{}")
    result = cli("board", "check", board)
    assert result.exit_code == 1 and "refused: lora/" in result.output
    assert result.output.rstrip().splitlines()[-1].startswith("9 records count, 1 objections")
    assert cli("board", "render", board).exit_code == 0
    nothing_acts(board)


@pytest.mark.parametrize("kind", ["pickle", "link", "folder", "pipe", "version true", "huge", "codes"])
def test_what_is_no_verification_counts_for_nothing(cli, board, make_record, tmp_path, kind, outside):
    record = sorted((board / "results/lora").glob("*.json"))[0]
    path = record.with_name(record.stem + ".verified.json")
    if kind == "folder":
        path.mkdir()
        (path / "x.json").write_text("{}")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(record)
    else:
        path.write_bytes(
            {
                "pickle": pickle.dumps(Executed(tmp_path / "executed")),
                "version true": b'{"schema_version": true}',
                "huge": b" " * (MAX_BYTES + 1),
                "codes": b'{"\\u001b[2J": 1}',
            }[kind]
        )
    before = outside(tmp_path, board)
    result = cli("board", "check", board)
    assert result.exit_code == 1 and path.name in result.output
    assert cli("board", "render", board).exit_code == 0
    assert "✓" not in (board / "README.md").read_text(encoding="utf-8").partition("Each number")[0]
    assert outside(tmp_path, board) == before


def test_a_repository_below_a_board_is_not_asked(cli, board, tmp_path):
    canary, results = tmp_path / "executed", board / "results"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {canary}\n")
    program.chmod(0o755)
    for words in (
        "init -q",
        "add -A",
        "-c user.name=a -c user.email=a@b commit -qm x",
        f"config core.fsmonitor {program}",
    ):
        subprocess.run(["git", "-C", str(results), *words.split()], check=True)
    result = cli("board", "check", board)
    assert result.exit_code == 1 and "refused: .git: " in result.output
    assert not canary.exists()
    subprocess.run(["git", "-C", str(results), "diff", "HEAD", "--name-status"], check=True)
    assert canary.exists()  # so it would have been seen
