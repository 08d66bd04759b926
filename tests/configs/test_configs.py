"""Every config that ships describes an experiment whose components exist and take its options."""

from pathlib import Path

import pytest

from mtlbench.boards.board import load_board
from mtlbench.engine.config import load_experiment
from mtlbench.engine.registries import register
from mtlbench.plugin import Catalog
from mtlbench.plugin.errors import BrokenTarget
from mtlbench.results.schema import protocol_hash

CONFIGS = Path(__file__).parents[2] / "configs"
NAMES = sorted(
    path.relative_to(CONFIGS).as_posix()
    for path in CONFIGS.rglob("*.py")
    if "_base_" not in path.relative_to(CONFIGS).parts
)
BOARDS = [load_board(path.parent) for path in sorted(CONFIGS.parent.glob("leaderboards/*/board.toml"))]


def test_there_are_configs():
    assert "faar_vitb_nyud.py" in NAMES and "faar_synthrooms.py" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_config_names_components_that_exist_with_their_options(name):
    experiment = load_experiment(CONFIGS / name)
    try:
        providers = register(experiment, Catalog.load())
    except BrokenTarget as error:
        if "Run: pip install" not in str(error):
            raise
        pytest.skip(str(error))  # an extra of some adapter is not installed
    assert providers.keys() == {
        *(f"task.{task}" for task in experiment.tasks),
        "dataset",
        "backbone",
        "adapter",
        "decoder",
        "balancer",
        "label_protocol",
        "learner",
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_config_is_named_after_its_method(name):
    experiment = load_experiment(CONFIGS / name)
    assert Path(name).name.replace("_", "").startswith(experiment.name.replace("-", ""))


@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_has_the_tasks_of_the_config(name):
    experiment = load_experiment(CONFIGS / name)
    dataset = Catalog.load().resolve("dataset", experiment.dataset.type)
    assert experiment.tasks.keys() <= dataset.task_options.keys()
    for task, component in experiment.tasks.items():
        known = {"type": task, **dataset.task_options[task]}
        stated = {"type": component.type, **component.options}
        assert {key: known[key] for key in known.keys() & stated.keys()} == {
            key: stated[key] for key in known.keys() & stated.keys()
        }


def test_the_configs_of_a_board_share_its_protocol():
    free = {board.name: board.free for board in BOARDS}
    protocols: dict[str, set[str]] = {}
    for name in NAMES:
        experiment = load_experiment(CONFIGS / name)
        if experiment.board:
            shared = protocol_hash(experiment.canonical(), free[experiment.board])
            protocols.setdefault(experiment.board, set()).add(shared)
    assert {board: len(found) for board, found in protocols.items()} == {
        "synthrooms-v1": 1,
        "synthrooms-partial-v1": 1,
    }


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_a_board_names_configs_of_its_own_once(board):
    assert len({*board.configs}) == len(board.configs)
    experiments = [load_experiment(CONFIGS.parent / config) for config in board.configs]
    assert {experiment.board for experiment in experiments} <= {None, board.name}
    assert len({experiment.name for experiment in experiments}) == len(experiments)


def test_the_partial_study_is_named_after_what_it_crosses():
    for name in NAMES:
        if name.startswith("partial/") and "single_task" not in name:
            experiment = load_experiment(CONFIGS / name)
            crossed = (experiment.label_protocol, experiment.learner, experiment.balancer)
            assert experiment.name == "-".join(component.type for component in crossed)
            assert name == f"partial/{experiment.name.replace('-', '_')}.py"
