"""Groups are scored by means over pairs, and matrices are read and written."""

from __future__ import annotations

import json

import pytest

from mtlbench.grouping.affinity import ALONE, Affinity, load_affinity
from mtlbench.grouping.errors import GroupingError
from mtlbench.grouping.picture import draw_affinity
from mtlbench.grouping.search import Candidate

PAIRS = {
    ("a", "b"): 1.0,
    ("a", "c"): 2.0,
    ("b", "a"): 3.0,
    ("b", "c"): 4.0,
    ("c", "a"): 5.0,
    ("c", "b"): 6.0,
}


def scores(found: Affinity, *measured: Candidate) -> dict[tuple[str, ...], dict[str, float]]:
    return {one.tasks: dict(one.scores) for one in found.candidates(measured)}


def test_a_task_scores_the_mean_of_what_the_others_give_it():
    assert scores(Affinity.of("x", "cab", PAIRS, {"a": 0.5, "b": 0.0, "c": -1.0})) == {
        ("a",): {"a": 0.5},
        ("b",): {"b": 0.0},
        ("c",): {"c": -1.0},
        ("a", "b"): {"a": 3.0, "b": 1.0},
        ("a", "c"): {"a": 5.0, "c": 2.0},
        ("b", "c"): {"b": 6.0, "c": 4.0},
        ("a", "b", "c"): {"a": 4.0, "b": 3.5, "c": 3.0},
    }


def test_what_was_measured_is_not_approximated():
    measured = Candidate({"a": 0.1, "b": 0.2, "c": 0.3})
    found = [one for one in Affinity.of("x", "abc", PAIRS).candidates([measured]) if len(one.scores) == 3]
    assert found == [measured] and not found[0].approximate
    assert [one.approximate for one in Affinity.of("x", "abc", PAIRS).candidates()] == [False] * 6 + [True]


def test_a_group_with_an_unknown_pair_is_no_candidate_unless_it_was_measured():
    known = {pair: z for pair, z in PAIRS.items() if set(pair) != {"a", "b"}}
    groups = scores(Affinity.of("x", "abc", known))
    assert {*groups} == {("a",), ("b",), ("c",), ("a", "c"), ("b", "c")}
    measured = Candidate({"a": 0.1, "b": 0.2, "c": 0.3})
    assert ("a", "b", "c") in scores(Affinity.of("x", "abc", known), measured)


def test_tasks_alone_come_last_where_nothing_is_known_and_cost_what_is_said():
    candidates = Affinity.of("x", "abc", PAIRS).candidates(single_cost=0.5)
    assert {one.scores["a"] for one in candidates if one.tasks == ("a",)} == {ALONE}
    assert [one.cost for one in candidates] == [0.5] * 3 + [1.0] * 4


def test_a_matrix_survives_its_file(tmp_path):
    found = Affinity.of("rsa", "abc", {**PAIRS, ("a", "a"): 1.0}, {"b": -0.5})
    path = tmp_path / "affinity.json"
    path.write_text(json.dumps(found.as_dict()))
    assert load_affinity(path) == found


def test_other_json_is_no_matrix(tmp_path):
    path = tmp_path / "record.json"
    path.write_text('{"schema_version": 1}')
    assert load_affinity(path) is None


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "is not JSON"),
        ('{"affinity": [[1]]}', "affinity must map tasks to rows"),
        ('{"affinity": {"a": {}}}', "there must be at least two tasks"),
        ('{"affinity": {"a": {"c": 1}, "b": {}}}', "affinity.a names 'c', which has no row"),
        ('{"affinity": {"a": {"b": "x"}, "b": {}}}', "affinity.a.b is 'x', which is not a finite number"),
        ('{"affinity": {"a": {"b": NaN}, "b": {}}}', "affinity.a.b is nan, which is not a finite number"),
        ('{"affinity": {"a": {}, "b": {}}, "alone": {"b": true}}', "alone.b is True"),
        ('{"affinity": {"a": {}, "b": {}}, "alone": [1]}', "alone must map tasks to numbers"),
    ],
)
def test_what_is_wrong_with_a_matrix_is_said(tmp_path, content, message):
    path = tmp_path / "affinity.json"
    path.write_text(content)
    with pytest.raises(GroupingError) as caught:
        load_affinity(path)
    assert message in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize("pairs", [{}, PAIRS])
def test_a_matrix_is_drawn(tmp_path, pairs):
    draw_affinity(Affinity.of("x", "abc", pairs), tmp_path / "affinity.png")
    assert (tmp_path / "affinity.png").read_bytes().startswith(b"\x89PNG")
