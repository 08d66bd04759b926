"""Draw the weights that a balancer gave the tasks' losses, over epochs."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator


def draw_weights(weights: list[dict[str, float]], path: Path) -> None:
    """Write one line per task through its mean weight of each epoch; an epoch without the task is a gap."""
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    epochs = range(1, len(weights) + 1)
    for task in dict.fromkeys(task for epoch in weights for task in epoch):
        axes.plot(epochs, [epoch.get(task, float("nan")) for epoch in weights], marker=".", label=task)
    axes.axhline(0, color="black", linewidth=0.8)  # below it, training raises a loss
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel("mean weight")
    axes.set_title("weight of each task's loss")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)
