from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from mtlbench.cli import main


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def data(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["data", *map(str, arguments)])


def test_a_layout_is_made_checked_and_shown(tmp_path):
    root = tmp_path / "rooms"
    made = data("make", "--layout", "nyud", "--root", root, "--train", 2, "--val", 3, "--size", "24x32")
    assert made.exit_code == 0 and "2 + 3 rooms" in made.output
    checked = data("check", "nyud", "--root", root)
    assert checked.exit_code == 0
    assert "train: 2 images (published: 795); 24x32; fingerprint " in checked.output
    shown = data("show", "nyud", "--root", root, "--out", tmp_path / "sheet.png", "--n", 2)
    assert shown.exit_code == 0 and "shows 2 of 3 images" in shown.output
    sheet = np.array(Image.open(tmp_path / "sheet.png"))
    columns = np.array_split(sheet, 5, axis=1)  # image, semseg, depth, normals, edge
    assert all(len(np.unique(column.reshape(-1, 3), axis=0)) > 2 for column in columns)


def test_rooms_are_shown_with_all_their_labels(tmp_path, monkeypatch):
    from mtlbench.plugin import Catalog

    rooms = Catalog.load().resolve("dataset", "synthrooms")
    monkeypatch.setattr(rooms.__init__, "__defaults__", ((24, 32), 2, 2, "main"))
    shown = data("show", "synthrooms", "--n", 1, "--split", "train")
    assert shown.exit_code == 0, shown.output
    assert Image.open(tmp_path / "synthrooms-train.png").size == (8 * 196 + 4, 144 + 4 + 16)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "nyud", "--root", "nowhere"), "There is no folder nowhere with the files of nyud"),
        (("check", "synthrooms"), "no files of its own to check"),
        (("get", "nyud"), "add --accept-licence"),
        (("get", "synthrooms"), "synthrooms is not downloaded"),
        (("get", "nyu"), 'Did you mean "nyud"'),
        (("show", "synthrooms", "--root", "x"), "leave out --root"),
        (("make", "--layout", "nyu", "--root", "x"), 'Did you mean "nyud"'),
        (("make", "--layout", "nyud", "--root", "x", "--size", "12"), "not height x width in pixels"),
    ],
)
def test_what_cannot_be_done_exits_with_2_and_says_what_to_do(arguments, message):
    result = data(*arguments)
    assert result.exit_code == 2
    assert message in result.output and "Traceback" not in result.output


def test_a_pickle_is_converted_or_refused(tmp_path):
    np.save(tmp_path / "draws.npy", {"semseg": ["0001", "0002"]}, allow_pickle=True)
    done = data("convert", "draws.npy", "draws.json")
    assert done.exit_code == 0 and done.output == "draws.json holds a dict of semseg\n"
    assert (tmp_path / "draws.json").read_text() == '{"semseg": ["0001", "0002"]}\n'
    np.save(tmp_path / "path.npy", np.array([tmp_path], dtype=object), allow_pickle=True)
    refused = data("convert", "path.npy", "path.json")
    assert refused.exit_code == 2 and "path.npy asks for pathlib" in refused.output
