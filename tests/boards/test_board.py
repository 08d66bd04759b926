from __future__ import annotations

from pathlib import Path

import pytest

from mtlbench.boards.board import find_board, load_board
from mtlbench.boards.errors import BadBoard

SHIPPED = Path(__file__).parents[2] / "leaderboards"


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in SHIPPED.glob("*/board.toml")), ids=lambda p: p.name
)
def test_boards_that_ship_are_valid(folder):
    board = load_board(folder)
    for config in board.configs:
        assert (SHIPPED.parent / config).is_file(), config


def test_a_board_is_found_by_name_or_path(make_board):
    folder = make_board()
    assert find_board("toy", folder.parent) == folder
    assert find_board(str(folder)) == folder


@pytest.mark.parametrize("name", ["../toy", "toi", "..", "", "a/b", "/"])
def test_an_unknown_board_names_the_known_ones(make_board, name):
    with pytest.raises(BadBoard, match="which holds: toy"):
        find_board(name, make_board().parent)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Toy"', 'title = "Toy"\nowner = "x"', "'owner': Extra inputs"),
        ("seeds = [0, 1, 2]", "seeds = [0, 1]", "'seeds': List should have at least 3"),
        ("seeds = [0, 1, 2]", "seeds = [0, 1, 1]", "seeds must be distinct"),
        ('name = "depth"', 'name = "semseg"', "tasks must be distinct"),
        ('"single-task-depth"', '"single-task-semseg"', "references must be distinct"),
        ('"configs/lora_toy.py"', '"configs/../../etc.py"', "'configs.0': String should match"),
        ('name = "toy"', 'name = "toys"', "has its folder's name"),
        ("schema_version = 1", "schema_version = ", "cannot be read as TOML"),
        (
            "higher_is_better = false",
            'higher_is_better = "no"',
            "'tasks.1.higher_is_better': Input should be a valid bool",
        ),
    ],
)
def test_a_bad_board_is_one_clear_error(make_board, old, new, message):
    path = make_board() / "board.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadBoard, match=message):
        load_board(path.parent)
