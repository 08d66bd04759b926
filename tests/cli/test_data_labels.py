from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mtlbench.cli import main
from mtlbench.data.manifest import load_manifest

HALF = 'label_protocol = dict(type="half-label", tasks=("semseg", "depth"), draw="run")'


def labels(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["data", "labels", *map(str, arguments)])


def test_a_config_draws_and_what_is_saved_is_inspected(tiny_config, tmp_path):
    drawn = labels(tiny_config(HALF), "--save", tmp_path / "half.json")
    assert drawn.exit_code == 0, drawn.output
    manifest = load_manifest(tmp_path / "half.json")
    assert manifest.per_task() == {"depth": 8, "semseg": 8}
    assert ["semseg", "8", "50.0%"] in [line.split() for line in drawn.output.splitlines()]
    inspected = labels(tmp_path / "half.json")
    assert inspected.output.strip() == drawn.output.partition("\nsaved")[0].strip()
    assert manifest.hash in inspected.output


def test_the_seed_and_the_config_can_be_changed(tiny_config):
    config = tiny_config(HALF)
    hashes = {
        labels(config, *more).output.split("hash")[1]
        for more in ((), ("--seed", 1), ("--cfg-options", "label_protocol.draw=2"))
    }
    assert len(hashes) == 3


def test_a_published_list_becomes_a_manifest(tmp_path):
    listed = tmp_path / "draw.json"
    listed.write_text(json.dumps([[1, 0], [0, 1]]))
    made = labels(listed, "--tasks", "semseg,sal", "--rename", "sal=saliency", "--save", tmp_path / "m.json")
    assert made.exit_code == 0, made.output
    assert load_manifest(tmp_path / "m.json").labels == {"0": ("semseg",), "1": ("saliency",)}


@pytest.mark.parametrize(
    "content, more, message",
    [
        ("[[1, 0]]", (), "as in `--tasks semseg,depth,normals`"),
        ("{}", ("--rename", "sal"), "--rename takes OLD=NEW"),
        ('{"schema_version": 1}', (), "give the tasks as a list"),
        ("]", (), "is not JSON"),
    ],
)
def test_what_is_no_draw_is_refused(tmp_path, content, more, message):
    path = tmp_path / "draw.json"
    path.write_text(content)
    result = labels(path, *more)
    assert result.exit_code == 2 and "Traceback" not in result.output
    assert message in " ".join(result.output.split())


def test_a_config_that_is_not_there_is_said(tmp_path):
    result = labels(Path("nowhere.py"))
    assert result.exit_code == 2 and "There is no config file 'nowhere.py'" in result.output
