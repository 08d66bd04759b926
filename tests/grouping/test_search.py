"""The search is exact, whatever the scores and costs are."""

from __future__ import annotations

import random
import time
from itertools import combinations

import pytest

from mtlbench.grouping.errors import GroupingError
from mtlbench.grouping.search import MOST_TASKS, Candidate, best_cover


def subsets(tasks: str) -> list[tuple[str, ...]]:
    return [group for size in range(1, len(tasks) + 1) for group in combinations(tasks, size)]


def random_candidates(tasks: str, seed: int, costs: tuple[float, ...] = (1.0,)) -> list[Candidate]:
    draw = random.Random(seed)
    return [
        Candidate({task: draw.uniform(-1, 1) for task in group}, draw.choice(costs))
        for group in subsets(tasks)
    ]


def brute_force(candidates: list[Candidate], tasks: str, budget: float) -> float:
    """Try every set of candidates that the budget pays for."""
    best = float("-inf")
    most = int(budget / min(candidate.cost for candidate in candidates))
    for number in range(1, min(most, len(tasks)) + 1):
        for chosen in combinations(candidates, number):
            if sum(one.cost for one in chosen) <= budget + 1e-9:
                found = [[one.scores[task] for one in chosen if task in one.scores] for task in tasks]
                if all(found):
                    best = max(best, sum(map(max, found)) / len(tasks))
    return best


@pytest.mark.parametrize(
    "tasks, budget",
    [("ab", 1), ("abc", 2), ("abcd", 1), ("abcd", 3), ("abcd", 4), ("abcde", 3), ("abcdef", 2)],
)
@pytest.mark.parametrize("seed", range(3))
def test_it_is_what_brute_force_finds(tasks, budget, seed):
    candidates = random_candidates(tasks, seed)
    cover = best_cover(candidates, tasks, budget)
    assert cover.score == pytest.approx(brute_force(candidates, tasks, budget))


@pytest.mark.parametrize("budget", [1, 1.5, 2, 2.3])
@pytest.mark.parametrize("seed", range(5))
def test_so_it_is_for_networks_of_different_costs(budget, seed):
    candidates = random_candidates("abcd", seed, costs=(0.5, 0.7, 1.0))
    expected = brute_force(candidates, "abcd", budget)
    if expected == float("-inf"):
        with pytest.raises(GroupingError):
            best_cover(candidates, "abcd", budget)
        return
    cover = best_cover(candidates, "abcd", budget)
    assert cover.score == pytest.approx(expected)
    assert cover.cost <= budget + 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_each_task_is_served_once_and_best(seed):
    cover = best_cover(random_candidates("abcde", seed), "abcde", 3)
    assert sorted(task for served in cover.serves for task in served) == [*"abcde"]
    assert all(cover.serves)
    for task, score in cover.scores.items():
        assert score == max(group.scores[task] for group in cover.groups if task in group.scores)


def test_the_order_of_tasks_and_candidates_does_not_matter():
    candidates = random_candidates("abcde", 7)
    expected = best_cover(candidates, "abcde", 2)
    random.Random(0).shuffle(candidates)
    assert best_cover(candidates, "dbeca", 2) == expected


def test_other_names_name_the_same_groups():
    other = dict(zip("abcde", "zqxvw", strict=True))
    candidates = random_candidates("abcde", 3)
    renamed = [Candidate({other[task]: score for task, score in one.scores.items()}) for one in candidates]
    found = {one.tasks for one in best_cover(renamed, "zqxvw", 3).groups}
    expected = best_cover(candidates, "abcde", 3).groups
    assert found == {tuple(sorted(other[task] for task in one.tasks)) for one in expected}


@pytest.mark.parametrize("seed", range(3))
def test_a_larger_budget_never_scores_worse(seed):
    candidates = random_candidates("abcde", seed, costs=(0.5, 1.0))
    scores = [best_cover(candidates, "abcde", budget).score for budget in (2, 2.5, 3, 4, 5, 50)]
    assert scores == sorted(scores)
    assert scores[-1] == pytest.approx(
        sum(max(one.scores[t] for one in candidates if t in one.scores) for t in "abcde") / 5
    )


def test_what_no_task_gains_from_is_not_bought():
    whole = Candidate({"a": 1.0, "b": 1.0, "c": 1.0})
    candidates = [whole, *(Candidate({task: 1.0}) for task in "abc")]
    assert best_cover(candidates, "abc", 3).groups == (whole,)


def test_a_helper_need_not_be_served():
    candidates = [Candidate({"a": 1.0, "b": 0.0}), Candidate({"a": 0.0}), Candidate({"b": 1.0})]
    cover = best_cover(candidates, "ab", 2)
    assert [(one.tasks, served) for one, served in zip(cover.groups, cover.serves, strict=True)] == [
        (("a", "b"), ("a",)),
        (("b",), ("b",)),
    ]


def test_a_budget_that_pays_for_nothing_is_said():
    pairs = [Candidate({"a": 1.0, "b": 1.0}), Candidate({"b": 1.0, "c": 1.0})]
    with pytest.raises(GroupingError, match="A budget of 1 networks pays for no set of groups .* a, b, c"):
        best_cover(pairs, "abc", 1)


def test_eight_tasks_take_no_time():
    candidates = random_candidates("abcdefgh", 0, costs=(0.5, 1.0))
    began = time.process_time()
    best_cover(candidates, "abcdefgh", 4)
    assert time.process_time() - began < 5


def test_too_many_tasks_are_refused():
    tasks = [f"t{n}" for n in range(MOST_TASKS + 1)]
    with pytest.raises(GroupingError, match=f"groups of {MOST_TASKS + 1} tasks would take too long"):
        best_cover([Candidate(dict.fromkeys(tasks, 1.0))], tasks, 1)
