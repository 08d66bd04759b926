"""Draw an affinity matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mtlbench.grouping.affinity import Affinity


def draw_affinity(affinity: Affinity, path: Path) -> None:
    """Write a heat map: a row per giver, a column per receiver, the affinity as colour; no diagonal."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    nan, tasks = float("nan"), affinity.tasks
    values = [
        [nan if z is None or row == column else z for column, z in enumerate(line)]
        for row, line in enumerate(affinity.values)
    ]
    limit = max((abs(z) for line in values for z in line if z == z), default=0.0) or 1.0
    side = 2.5 + 0.6 * len(tasks)
    figure, axes = plt.subplots(figsize=(side + 0.8, side), layout="constrained")
    picture: Any = axes.imshow(values, cmap="RdBu", vmin=-limit, vmax=limit)
    axes.set_xticks(range(len(tasks)), tasks, fontsize=7, rotation=30, ha="right")
    axes.set_yticks(range(len(tasks)), tasks, fontsize=7)
    axes.set_xlabel("… this task")
    axes.set_ylabel("how much this task helps …")
    for row, line in enumerate(values):
        for column, z in enumerate(line):
            if z == z:
                shade = "white" if abs(z) > 0.6 * limit else "black"
                axes.text(column, row, f"{z:.2g}", ha="center", va="center", fontsize=6, color=shade)
    figure.colorbar(picture, label="affinity", shrink=0.8)
    axes.set_title(f"affinity of tasks ({affinity.method})")
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)
