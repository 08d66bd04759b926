"""Run the tiny experiment in forks of a process that has everything imported, so that kills are cheap."""

from __future__ import annotations

import contextlib
import io
import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from mtlbench.engine.checkpoint import load_latest
from mtlbench.engine.config import load_experiment
from mtlbench.engine.datasets import open_datasets
from mtlbench.engine.experiment import RunOptions, run
from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog
from mtlbench.results.store import load_record

HERE = Path(__file__).parent
#: ranks shrink after every one of three epochs
SHRINKING = "adapter.update(rank=8, rho=0.6)"
FIGURES = "MTLBENCH_CHAOS_FIGURES"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here: it takes minutes, and has a command of its own."""
    for item in items:
        if HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.chaos)


@pytest.fixture(scope="session")
def figures() -> Callable[[str, int, int], None]:
    """Return a function that notes how many faults were tried and survived, in the file of `FIGURES`."""

    def note(what: str, tried: int, survived: int) -> None:
        path = os.environ.get(FIGURES)
        if path:
            found = json.loads(Path(path).read_text()) if Path(path).exists() else {}
            found[what] = [tried, survived]
            Path(path).write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")

    return note


@pytest.fixture
def begin(tiny_config: Callable[..., Path], tmp_path: Path) -> Callable[..., int]:
    """Return a function that starts the tiny run in a fork and returns its process id.

    The fork exits with 0 after a record, with 2 after an error of the bench, whose text is in
    `<name of the work dir>.said` in the test's folder, and with 3 after anything else.
    """
    torch.set_num_threads(1)
    config = tiny_config(SHRINKING)

    def begin(work_dir: Path, prepare: Callable[[], None] = lambda: None) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 3
        said = tmp_path / f"{work_dir.name}.said"  # not beside the work dir, whose disk may be full
        try:
            prepare()
            with contextlib.redirect_stdout(io.StringIO()):
                experiment, catalog = load_experiment(config), Catalog.load()
                data = open_datasets(experiment, catalog)
                run(experiment, data, catalog, RunOptions(0, work_dir), Console(file=io.StringIO()))
            code = 0
        except MtlbenchError as error:
            said.write_text(str(error))
            code = 2
        except BaseException:
            said.write_text(traceback.format_exc())
        finally:
            os._exit(code)

    return begin


@pytest.fixture
def finish(begin: Callable[..., int]) -> Callable[..., int]:
    """Return a function that runs to the end in a fork and returns the exit code."""

    def finish(work_dir: Path, prepare: Callable[[], None] = lambda: None) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(begin(work_dir, prepare), 0)[1])

    return finish


@pytest.fixture
def undisturbed(finish: Callable[..., int], tmp_path: Path) -> Path:
    """Return the folder of a run that nothing happened to."""
    assert finish(tmp_path / "undisturbed") == 0
    return tmp_path / "undisturbed"


@pytest.fixture
def same_run() -> Callable[[Path, Path], bool]:
    """Return a function that says whether two work dirs hold the same numbers and last checkpoints."""
    return _same_run


NUMBERS = ("metrics", "primary", "rank_map", "curves", "weights", "parameters", "config_hash", "iterations")


def _same(left: Any, right: Any) -> bool:
    """Return whether two checkpoints hold the same values, bit for bit."""
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, torch.Tensor):
        return left.dtype == right.dtype and torch.equal(left.nan_to_num(7.0), right.nan_to_num(7.0))
    return left == right


def _same_run(left: Path, right: Path) -> bool:
    """Return whether two work dirs hold the same numbers in records and the same last checkpoint."""
    records = [load_record(next(place.glob("*-seed0.json"))) for place in (left, right)]
    ends = [load_latest(place / "checkpoints") for place in (left, right)]
    return all(getattr(records[0], name) == getattr(records[1], name) for name in NUMBERS) and all(
        _same(ends[0][part], ends[1][part]) for part in ("step", "structure", "model", "optimizer", "epochs")
    )
