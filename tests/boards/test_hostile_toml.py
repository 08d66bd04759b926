"""A board.toml or papers.toml that is none is one error, and nothing is written."""

from __future__ import annotations

import os
import re

import pytest

from mtlbench.boards import toml

RUNS = [(55, 0.4), (50, 0.5), (45, 0.6)]


@pytest.fixture
def board(make_board):
    return make_board(lora=RUNS)


TOML = {
    "deep": (lambda text: "a = " + "[" * 4000, "nested too deeply"),
    "deep tables": (lambda text: "a = " + "{a=" * 1500, "nested too deeply"),
    "a long key": (lambda text: "a" + ".a" * toml.MAX_LINE + " = 1", "5000 characters"),
    "too much": (lambda text: text + "#\n" * toml.MAX_BYTES, "larger than 0.2 MB"),
    "a byte order mark": (lambda text: "\ufeff" + text, "cannot be read as TOML"),
    "UTF-16": (lambda text: text.encode("utf-16"), "utf-8"),
    "NUL": (lambda text: text + "\0", "cannot be read as TOML"),
    "a key twice": (lambda text: text.replace("schema_version = 1", "schema_version = 1\n" * 2), "overwrite"),
    "version true": (lambda text: text.replace("schema_version = 1", "schema_version = true"), "whole"),
    "version 1.0": (lambda text: text.replace("schema_version = 1", "schema_version = 1.0"), "whole"),
    "codes in a key": (lambda text: '"\\u001b[2J" = 1\n' + text, "Extra inputs"),
    "codes in a title": (lambda text: re.sub('title = "', 'title = "\\\\u001b[2J', text), "printable"),
    "a direction that turns": (lambda text: re.sub('title = "', 'title = "\\\\u202e', text), "printable"),
    "a metric with a line": (lambda text: text.replace('"mIoU"', '"mIoU\\n"'), "printable"),
    "a unit with markup": (lambda text: text.replace('"%"', '"<b>bold</b>, and much more"'), "20 characters"),
}
ONLY = {
    "board.toml": {
        "codes in a description": ('"Synthetic records."', '"a\\u001b[2Jb"', "printable"),
        "a device": ('"toy"', '"con"', "device"),
        "a config that climbs": ("configs/lora_toy", "configs/a/../../evil", "configs.0"),
        "a reference that climbs": ('"single-task-depth"', '"../single"', "reference"),
        "an infinite tolerance": ('unit = "m"', 'unit = "m"\ntolerance = inf', "tolerance"),
    },
    "papers.toml": {
        "a script for a link": ("https://example.org/1", "javascript:alert(1)", "url"),
        "a link with a quote": ("https://example.org/1", "https://a.b/\\\"onclick=x", "url"),
        "a value beyond sums": ("semseg = 55.0", "semseg = 1e31", "semseg"),
        "a reference of nothing": ("semseg = 50.0, depth = 0.50", "semseg = 0.0, depth = 0.50", "positive"),
        "a note with codes": ('parameters = 3.4', 'note = "\\u001b[2J"', "printable"),
    },
}  # fmt: skip
CASES = [(file, what) for file in ONLY for what in (*TOML, *ONLY[file])]


@pytest.mark.parametrize(("file", "what"), CASES)
def test_what_is_no_board_is_one_error(cli, board, papers, tmp_path, file, what, everything):
    text = papers if file == "papers.toml" else (board / file).read_text(encoding="utf-8")
    if what in TOML:
        change, reason = TOML[what]
        content = change(text)
    else:
        old, new, reason = ONLY[file][what]
        content = text.replace(old, new, 1)
    assert content != text
    (board / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = everything(tmp_path)
    for command in (("check",), ("render",), ("render", "--check")):
        result = cli("board", command[0], board, *command[1:])
        assert result.exit_code == 2 and file in result.output and reason in result.output, result.output
    assert everything(tmp_path) == before


@pytest.mark.parametrize("file", ["board.toml", "papers.toml"])
@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe"])
def test_a_board_is_made_of_files(cli, board, papers, tmp_path, file, kind):
    target, path = tmp_path / "target", board / file
    target.write_text(papers if file == "papers.toml" else path.read_text(encoding="utf-8"))
    path.unlink(missing_ok=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(target if kind == "link" else tmp_path / "nowhere")
    result = cli("board", "check", board)
    assert result.exit_code == 2 and re.search(f"{file} cannot be read|There is no board", result.output)
