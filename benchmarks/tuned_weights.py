"""Choose loss weights for synthrooms-v1: the best Δm of a few trials on rooms that the board doesn't show.

    python benchmarks/tuned_weights.py configs/lora_tuned_synthrooms.py --trials 3

Tuned scalarisation (Xin et al., NeurIPS 2022): points of the simplex of weights, from a Sobol sequence that
is uniform on it, times the number of tasks, each one run of the config with the balancer `fixed`, seed 0, on
the world "tune", as `learning_rates.py` does it. There are as many trials as learning rates there, so that no
method has more; more trials go on where fewer ended, and what is finished is not run again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from learning_rates import GRID, score
from scipy.stats import qmc
from tabulate import tabulate

from mtlbench.engine.config import load_experiment


def main() -> None:
    """Run the trials, print weights and Δm of each, and the line of a config for the best."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--trials", type=int, default=len(GRID))
    parser.add_argument("--work-dir", type=Path, default=Path("runs/tune"))
    arguments = parser.parse_args()
    tasks = list(load_experiment(arguments.config).tasks)
    rows = []
    for trial, point in enumerate(on_simplex(arguments.trials, len(tasks))):
        weights = {task: round(float(weight), 3) for task, weight in zip(tasks, point, strict=True)}
        folder = arguments.work_dir / arguments.config.stem / f"weights{trial}"
        value = score(arguments.config, folder, "+balancer.type=fixed", f"+balancer.weights={weights}")
        rows.append((value, weights))
        print(f"trial {trial}: {value:+.2f}", flush=True)
    table = [[index, *weights.values(), f"{value:+.2f}"] for index, (value, weights) in enumerate(rows)]
    print(tabulate(table, ["trial", *tasks, "Δm"], disable_numparse=True))
    _, best = max(rows, key=lambda row: row[0])
    print(f'balancer = dict(type="fixed", weights=dict({", ".join(f"{t}={w:g}" for t, w in best.items())}))')


def on_simplex(count: int, tasks: int) -> np.ndarray:
    """Return the first points (count, tasks) of a sequence uniform on the simplex, scaled to the sum `tasks`.

    With u uniform in (0, 1), −log u is exponential, and exponentials over their sum are uniform there.
    """
    power = max(0, int(np.ceil(np.log2(count))))
    uniform = qmc.Sobol(tasks, scramble=True, seed=0).random_base2(power)[:count]
    exponential = -np.log(uniform.clip(min=1e-6, max=1 - 1e-6))
    return tasks * exponential / exponential.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    main()
