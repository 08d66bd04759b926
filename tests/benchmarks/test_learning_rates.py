from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "benchmarks/learning_rates.py"


@pytest.fixture
def script() -> ModuleType:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("learning_rates", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("by_rate", "tried"),
    [
        ({4.5e-3: 3.0, 1.5e-3: 2.0, 5e-4: 9.0}, [4.5e-3, 1.5e-3]),  # it falls at once
        ({4.5e-3: 2.0, 1.5e-3: 3.0, 5e-4: 1.0}, [4.5e-3, 1.5e-3, 5e-4]),  # a peak inside of the grid
        ({4.5e-3: 1.0, 1.5e-3: 2.0, 5e-4: 3.0}, [4.5e-3, 1.5e-3, 5e-4]),  # still growing at its end
        ({4.5e-3: -math.inf, 1.5e-3: -math.inf, 5e-4: 1.0}, [4.5e-3, 1.5e-3, 5e-4]),  # high rates diverge
    ],
)
def test_the_search_goes_down_until_the_change_falls(script, monkeypatch, by_rate, tried):
    ran = []

    def score(config, folder, *options):
        rate = float(options[0].removeprefix("optimizer.lr="))
        assert (config, folder) == (Path("x.py"), Path("tune/x", f"{rate:g}"))
        ran.append(rate)
        return by_rate[rate]

    monkeypatch.setattr(script, "score", score)
    found = script.search(Path("x.py"), Path("tune/x"))
    assert ran == tried and found == {rate: by_rate[rate] for rate in tried}
    assert script.search(Path("x.py"), Path("tune/x"), whole=True) == by_rate


def test_a_run_that_fails_is_the_worst(script, tmp_path):
    assert script.score(tmp_path / "missing.py", tmp_path / "run") == -math.inf
