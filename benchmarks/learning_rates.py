"""Choose learning rates for synthrooms-v1: the best Δm of a grid on rooms that the board doesn't show.

    python benchmarks/learning_rates.py configs/lora_synthrooms.py configs/bitfit_synthrooms.py

Every config is run with seed 0 on the world "tune", which shares no room with the board, from the highest
rate down until Δm falls: it is taken to have one peak over the rates. `--all` runs the rest, too. What is
finished is not run again. Δm is against the board's single-task references, which stand for no model of those
rooms: it orders rates, and says nothing else.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
from pathlib import Path

from tabulate import tabulate

from mtlbench.boards.references import reference_for
from mtlbench.metrics.delta_m import delta_m
from mtlbench.results.store import load_record

GRID = (5e-4, 1.5e-3, 4.5e-3)
BOARD = Path(__file__).resolve().parent.parent / "leaderboards/synthrooms-v1"


def main() -> None:
    """Search the grid of every config and print Δm per rate, the best marked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", nargs="+", type=Path)
    parser.add_argument("--work-dir", type=Path, default=Path("runs/tune"))
    parser.add_argument("--all", action="store_true", help="run all rates, whatever Δm does")
    arguments = parser.parse_args()
    rows = []
    for config in arguments.configs:
        found = search(config, arguments.work_dir / config.stem, arguments.all)
        best = max(found, key=found.__getitem__)
        marked = {rate: f"{value:+.2f}{' *' if rate == best else ''}" for rate, value in found.items()}
        rows.append([config.stem, *(marked.get(rate, "") for rate in GRID)])
        print(
            tabulate(rows[-1:], ["config", *(f"{rate:g}" for rate in GRID)], disable_numparse=True),
            flush=True,
        )
    if len(rows) > 1:
        print(tabulate(rows, ["config", *(f"{rate:g}" for rate in GRID)], disable_numparse=True))


def search(config: Path, folder: Path, whole: bool = False) -> dict[float, float]:
    """Return Δm of the rates that were run, from the highest down; `whole` runs those past the peak, too."""
    found: dict[float, float] = {}
    for rate in reversed(GRID):
        found[rate] = score(config, folder / f"{rate:g}", f"optimizer.lr={rate}")
        if found[rate] < max(found.values()) and not whole:
            break
    return found


def score(config: Path, folder: Path, *options: str) -> float:
    """Return Δm of one run on the rooms for tuning, -inf if it failed; options are as for --cfg-options."""
    program = Path(sys.executable).with_name("mtlbench")
    command = [program, "run", config, "--work-dir", folder, "--cfg-options", "+dataset.world=tune"]
    if subprocess.run([*command, *options], stdout=subprocess.DEVNULL).returncode:
        return -math.inf  # it diverged, or failed otherwise, as it has said on stderr
    record = load_record(next((folder / "seed0").glob("*-seed0.json")))
    references = {task: mean for task, (mean, _) in reference_for(BOARD, record.primary).items()}
    values = {task: primary.value for task, primary in record.primary.items()}
    return delta_m(values, references, {task: p.higher_is_better for task, p in record.primary.items()})


if __name__ == "__main__":
    main()
