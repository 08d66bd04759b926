"""Hold the boards that ship to what their records and configs say."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtlbench.boards.board import load_board
from mtlbench.boards.check import check
from mtlbench.boards.rebuild import jobs_of
from mtlbench.boards.render import render
from mtlbench.engine.config import load_experiment
from mtlbench.engine.model import build_tasks
from mtlbench.engine.registries import register
from mtlbench.plugin import Catalog
from mtlbench.results.schema import protocol_hash

ROOT = Path(__file__).parents[2]
BOARDS = sorted(path.parent.name for path in ROOT.glob("leaderboards/*/board.toml"))


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_what_its_records_say(name):
    assert render(ROOT / "leaderboards" / name, check=True) == []


@pytest.mark.parametrize("name", BOARDS)
def test_nothing_on_a_board_is_wrong(name):
    found = check(ROOT / "leaderboards" / name)
    assert found.refusals == [] and found.incomplete == []


@pytest.mark.parametrize("name", BOARDS)
def test_every_config_of_a_board_trains_its_tasks_under_one_protocol(name):
    board = load_board(ROOT / "leaderboards" / name)
    paths = {job.config for job in jobs_of(ROOT / "leaderboards" / name, Path("runs"))}
    experiments = [load_experiment(path) for path in sorted(paths)]
    assert len({protocol_hash(experiment.canonical(), board.free) for experiment in experiments}) == 1
    assert {tuple(experiment.tasks) for experiment in experiments} == {tuple(sorted(board.references))}
    assert {experiment.board for experiment in experiments} <= {None, name}
    names = {
        f"{experiment.name}-{task.replace('_', '-')}"
        for experiment in experiments
        for task in experiment.tasks
        if experiment.single_task
    }
    assert names == {*board.references.values()}
    register(experiments[0], Catalog.load())
    primary = {task: built.primary for task, built in build_tasks(experiments[0]).items()}
    assert {task: (p.name, p.unit, p.higher_is_better) for task, p in primary.items()} == {
        task.name: (task.metric, task.unit, task.higher_is_better) for task in board.tasks
    }
