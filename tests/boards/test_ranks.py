from __future__ import annotations

import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from mtlbench.boards.aggregate import aggregate
from mtlbench.boards.ranks import MAX_MAPS, MAX_PLACES, MAX_STREAMS, places, rank_maps, streams
from mtlbench.boards.render import render
from mtlbench.results.store import write_record


@pytest.fixture
def board_of(make_board, make_record):
    """Return a function that writes a board of methods with these rank maps by seed, best method first."""

    def write(**methods: list[dict]) -> Path:
        folder = make_board()
        for place, (name, maps) in enumerate(methods.items()):
            for seed, rank_map in enumerate(maps):
                values = {"semseg": 60.0 - place, "depth": 0.4}
                record = make_record(name, seed, values, rank_map=rank_map)
                write_record(record, folder / "results" / name)
        return folder

    return write


def flat(**ranks: int) -> dict:
    return {place: {"shared": rank} for place, rank in ranks.items()}


def test_only_ranks_that_were_chosen_are_shown(board_of):
    folder = board_of(
        none=[None] * 3,
        set=[{"a": {"shared": 16, "depth": 4}, "b": {"shared": 16}}] * 3,
        places=[flat(a=3, b=4)] * 3,
        seeds=[flat(a=seed, b=seed) for seed in range(3)],
    )
    assert [found.name for found in rank_maps(aggregate(folder))] == ["places", "seeds"]
    render(folder)
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "## Ranks" in text and "(plots/ranks.svg)" in text
    # 3 and 4 lie 0.71 apart in every seed; 0, 1 and 2 differ by 1 from seed to seed, 1/√3 in the mean
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert ["places", "3.50", "0.71", "0.00"] in rows and ["seeds", "1.00", "0.00", "0.58"] in rows


def test_a_board_without_chosen_ranks_says_nothing_of_them(make_board):
    folder = make_board(lora=[(55, 0.4)] * 3)
    render(folder)
    assert not (folder / "plots" / "ranks.svg").exists()
    assert "anks" not in (folder / "README.md").read_text(encoding="utf-8").replace("of their rank", "")


def test_chance_is_the_spread_of_means_of_equal_places(board_of):
    draws = np.random.default_rng(0).binomial(40, 0.5, size=(3, MAX_PLACES))
    folder = board_of(equal=[flat(**{f"p{k}": int(rank) for k, rank in enumerate(seed)}) for seed in draws])
    (found,) = rank_maps(aggregate(folder))
    assert found.by_chance == pytest.approx(found.overall.std, rel=0.15)


def test_a_stream_counts_in_the_seeds_that_have_it(board_of):
    folder = board_of(some=[{"a": {"shared": 2, "x": 9}}, {"a": {"shared": 4}}, {"b": {"shared": 5}}])
    (found,) = rank_maps(aggregate(folder))
    assert found.means == {"a": {"shared": 3.0, "x": 9.0}, "b": {"shared": 5.0}}


def test_the_order_is_that_of_the_network_and_of_the_board(board_of):
    names = ["blocks.10.fc", "blocks.9.fc", "blocks.9.attn", "10", "head"]
    ranks = {"zeta": 1, "depth": 2, "semseg": 3, "shared": 4}
    folder = board_of(one=[{name: {"shared": k} for k, name in enumerate(names)} | {"p": ranks}] * 3)
    (found,) = rank_maps(aggregate(folder))
    assert places([found]) == ["10", "blocks.9.attn", "blocks.9.fc", "blocks.10.fc", "head", "p"]
    assert streams(found, ["semseg", "depth"]) == ["shared", "semseg", "depth", "zeta"]


def test_what_does_not_fit_into_the_picture_is_left_out(board_of):
    tall = {f"p{k}": {"shared": k} for k in range(MAX_PLACES + 1)}
    wide = {"a": {f"s{k}": k for k in range(MAX_STREAMS + 1)}, "b": {"s0": 5}}
    many = {f"m{k}": [flat(a=1, b=2)] * 3 for k in range(MAX_MAPS + 1)}
    folder = board_of(tall=[tall] * 3, wide=[wide] * 3, **many)
    assert [found.name for found in rank_maps(aggregate(folder))] == [*many][:MAX_MAPS]


def test_a_picture_shows_places_of_any_script_as_text(board_of):
    evil = "--></svg><script>alert(1)</script>&"
    rank_map = {evil: {"shared": 1}, "層.\u0627" * 40: {"shared": 2**53}, "$x^2$": {"shared": 0}}
    folder = board_of(odd=[rank_map] * 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as a glyph that the font lacks
        render(folder)
    picture = (folder / "plots" / "ranks.svg").read_text(encoding="utf-8")
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(picture).iter()}
    assert "svg" in tags and "script" not in tags
    assert render(folder, check=True) == []


@pytest.mark.parametrize("ranks", [[flat(a=1, b=3), flat(a=3, b=1), flat(a=2, b=2)], [flat(a=0, b=1)] * 3])
def test_extremes_are_drawn(board_of, ranks):
    folder = board_of(even=ranks)
    assert "plots/ranks.svg" in render(folder)
