"""Draw a standing: Δm against cost with its Pareto front, the change of each task, and chosen ranks."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator

from mtlbench.boards.aggregate import Spread, Standing
from mtlbench.boards.costs import AXES, front, mean_cost
from mtlbench.boards.ranks import RankMap, places, rank_maps, streams
from mtlbench.results.schema import canonical_json

MAX_BARS, MAX_LABELS, MAX_LETTERS = 24, 24, 40
INK, GREY, ACCENT = "#1f2933", "#9aa5b1", "#d1495b"
# Okabe and Ito's palette, which colour-blind readers can tell apart
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7f7f7f")
STYLE = {
    "svg.hashsalt": "mtlbench",
    "font.size": 10,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": "#e4e7eb",
    "axes.axisbelow": True,
}


def draw(standing: Standing) -> dict[str, bytes]:
    """Return the pictures of a board as SVG by path below its folder; none while no method is ranked."""
    if not standing.ranked:
        return {}
    pictures = {"plots/tasks.svg": _tasks(standing)}
    title, read = AXES[standing.board.cost_axis]
    costs = [(method.name, mean_cost(method.records, read), method.delta) for method in standing.ranked]
    placed = [(name, cost, delta) for name, cost, delta in costs if cost is not None and delta is not None]
    if placed:
        pictures["plots/delta-cost.svg"] = _delta_cost(placed, title)
    if maps := rank_maps(standing):
        pictures["plots/ranks.svg"] = _ranks(maps, [task.name for task in standing.board.tasks])
    return dict(sorted(pictures.items()))


def same_picture(old: bytes, new: bytes) -> bool:
    """Say whether two pictures are equal, or show the same numbers in different versions of matplotlib."""
    if old == new:
        return True
    versions = [re.findall(rb"<dc:title>(.*?)</dc:title>", picture)[:1] for picture in (old, new)]
    numbers = [re.findall(rb"<dc:description>(.*?)</dc:description>", picture)[:1] for picture in (old, new)]
    if not all((*versions, *numbers)):
        return False
    return versions[0] != versions[1] and numbers[0] == numbers[1]


def digest(numbers: Sequence[tuple]) -> str:
    """Return the SHA-256 of a picture's numbers to twelve digits; last bits depend on the Python."""
    rounded = json.loads(canonical_json(numbers), parse_float=lambda text: float(f"{float(text):.12g}"))
    return hashlib.sha256(canonical_json(rounded).encode()).hexdigest()


def _delta_cost(placed: Sequence[tuple[str, float, Spread]], title: str) -> bytes:
    points = [(cost, delta.mean) for _, cost, delta in placed]
    best = front(points)
    with _picture(width=7.5, height=4.8) as figure:
        axes = figure.add_subplot()
        axes.axhline(0, color=INK, linewidth=1, linestyle=(0, (4, 3)), label="single task")
        stairs = np.array([points[index] for index in best]).T
        axes.plot(*stairs, color=ACCENT, alpha=0.45, drawstyle="steps-post", label="Pareto front", zorder=2)
        others = sorted({*range(len(placed))} - {*best})
        for indices, color in ((others, COLORS[0]), (best, ACCENT)):
            x, y = [points[index][0] for index in indices], [points[index][1] for index in indices]
            deviations = [placed[index][2].std or 0 for index in indices]
            axes.errorbar(x, y, deviations, fmt="o", color=color, capsize=3, zorder=3)
        for index in range(len(placed)) if len(placed) <= MAX_LABELS else best:
            label = axes.annotate(placed[index][0], points[index], (7, 5), textcoords="offset points")
            label.set_path_effects([withStroke(linewidth=3, foreground="white")])
        if min(cost for cost, _ in points) > 0:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter("")
        axes.margins(x=0.18, y=0.12)
        axes.grid(True)
        axes.set_xlabel(title)
        axes.set_ylabel("Δm (%), mean ± std over seeds")
        axes.legend(loc="lower right", frameon=False)
        figure.subplots_adjust(left=0.11, right=0.97, bottom=0.12, top=0.96)
        return _svg(figure, [(name, cost, *delta) for name, cost, delta in placed])


def _tasks(standing: Standing) -> bytes:
    methods, tasks = standing.ranked[:MAX_BARS], [task.name for task in standing.board.tasks]
    thickness = 0.7 / len(tasks)
    height = 1.3 + len(methods) * max(0.5, 0.14 * len(tasks))
    with _picture(width=7.5, height=height) as figure:
        axes = figure.add_subplot()
        for column, task in enumerate(tasks):
            spreads = [method.contributions[task] for method in methods]
            axes.barh(
                [row + (column - (len(tasks) - 1) / 2) * thickness for row in range(len(methods))],
                [value.mean for value in spreads],
                xerr=[value.std or 0 for value in spreads],
                height=thickness,
                color=COLORS[column % len(COLORS)],
                label=task,
                error_kw={"ecolor": "#52606d", "elinewidth": 0.7},
            )
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_yticks(range(len(methods)), [method.name for method in methods])
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.grid(True, axis="x")
        axes.set_xlabel("change against the single-task reference (%), positive = better")
        figure.subplots_adjust(left=0.2, right=0.97, bottom=0.55 / height, top=1 - 0.45 / height)
        figure.legend(loc="upper center", ncols=min(len(tasks), 6), frameon=False)
        return _svg(figure, [(method.name, *map(tuple, method.contributions.values())) for method in methods])


def _ranks(maps: Sequence[RankMap], tasks: Sequence[str]) -> bytes:
    rows = places(maps)
    columns = [streams(found, tasks) for found in maps]
    grids = [_grid(found, rows, names) for found, names in zip(maps, columns, strict=True)]
    low, high = min(map(np.nanmin, grids)), max(map(np.nanmax, grids))
    labels = [_plain(row) for row in rows]
    colors = matplotlib.colormaps["viridis"].resampled(24)  # so few stay vectors in the bar of colours
    left, right, top = 0.2 + 0.06 * max(map(len, labels)), 0.9, 0.35
    bottom = 0.2 + 0.06 * max(len(_plain(name)) for names in columns for name in names)
    width = left + sum(0.25 * len(names) + 0.25 for names in columns) + right
    height = top + max(0.14 * len(rows), 1) + bottom
    with _picture(width, height) as figure:
        panels = figure.subplots(1, len(maps), sharey=True, squeeze=False, width_ratios=[*map(len, columns)])
        for axes, found, names, grid in zip(panels.flat, maps, columns, grids, strict=True):
            mesh = axes.pcolormesh(grid, cmap=colors, vmin=low, vmax=high, edgecolor="white")
            axes.set_title(_plain(found.name), fontsize=9)
            axes.set_xticks(np.arange(len(names)) + 0.5, map(_plain, names), rotation=90)
            axes.set_yticks(np.arange(len(rows)) + 0.5, labels)
            axes.tick_params(length=0, labelsize=7)
            axes.spines[:].set_visible(False)
        axes.invert_yaxis()
        sides = {"bottom": bottom / height, "top": 1 - top / height}
        figure.subplots_adjust(left=left / width, right=1 - right / width, wspace=0.12, **sides)
        bar = figure.add_axes(
            (1 - (right - 0.2) / width, sides["bottom"], 0.12 / width, 1 - (top + bottom) / height)
        )
        figure.colorbar(mesh, cax=bar, label="rank, mean over seeds")
        bar.tick_params(labelsize=7)
        return _svg(figure, [(found.name, found.means) for found in maps])


def _grid(found: RankMap, rows: Sequence[str], columns: Sequence[str]) -> np.ndarray:
    return np.array([[found.means.get(row, {}).get(name, np.nan) for name in columns] for row in rows])


def _plain(label: str) -> str:
    # records may name places in any script, of which the font has a part
    return label.encode("ascii", "backslashreplace").decode()[-MAX_LETTERS:]


@contextmanager
def _picture(width: float, height: float) -> Iterator[Figure]:
    # a user's matplotlibrc must not change a board
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **STYLE}):  # type: ignore[dict-item]
        yield Figure(figsize=(width, height))


def _svg(figure: Figure, numbers: Sequence[tuple]) -> bytes:
    metadata = {
        "Date": None,
        "Creator": None,
        "Title": f"matplotlib {matplotlib.__version__}",
        "Description": digest(numbers),
    }
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata=metadata)
    return file.getvalue()
