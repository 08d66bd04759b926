"""Draw the ranks of an adapter: location by stream after the last epoch, and their mean over epochs."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def draw_rank_maps(rank_maps: list[dict[str, dict[str, int]]], path: Path) -> None:
    """Write one heat map (location x stream) and one curve (mean rank of every stream over epochs)."""
    last = rank_maps[-1]
    streams = list(dict.fromkeys(stream for ranks in last.values() for stream in ranks))
    grid = np.array([[last[place].get(stream, np.nan) for stream in streams] for place in last], float)
    height = max(3.0, 0.17 * len(last))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11, height), width_ratios=[max(2, 0.5 * len(streams)), 4], layout="constrained"
    )
    shown = left.imshow(grid, aspect="auto", cmap="viridis", vmin=0)
    left.set_xticks(range(len(streams)), streams, rotation=40, ha="right", fontsize=7)
    left.set_yticks(range(len(last)), list(last), fontsize=5)
    left.set_title("rank after the last epoch")
    figure.colorbar(shown, ax=left, shrink=0.6)
    epochs = range(1, len(rank_maps) + 1)
    for stream in streams:
        means = [
            np.mean([ranks[stream] for ranks in ranks_now.values() if stream in ranks])
            for ranks_now in rank_maps
        ]
        right.plot(epochs, means, marker=".", label=stream)
    right.set_xlabel("epoch")
    right.set_ylabel("mean rank")
    right.set_ylim(bottom=0)
    right.legend(fontsize=8)
    right.set_title("mean rank of each stream")
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)
