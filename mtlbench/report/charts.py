"""Draw what a record holds as SVG inside a page."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mtlbench.results.schema import Parameters

INK, LINE, BLUE = "#616e7c", "#9aa5b1", "#0072b2"
PARTS = {
    "adapter": "#0072b2",
    "backbone": "#56b4e9",
    "decoder": "#e69f00",
    "balancer": "#009e73",
    "learner": "#cc79a7",
}
STYLE: Any = {
    "svg.hashsalt": "mtlbench",
    "svg.fonttype": "none",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
}


def loss_curves(curves: Mapping[str, Sequence[float]]) -> str:
    """Return one small plot per task: its mean training loss by epoch."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2.3 * len(curves), 1.9), layout="constrained")
        for index, (task, values) in enumerate(curves.items(), start=1):
            axes = figure.add_subplot(1, len(curves), index)
            axes.plot(
                range(1, len(values) + 1), values, color=BLUE, marker="o" if len(values) < 15 else "", ms=3
            )
            axes.set_title(task, fontsize=9)
            axes.set_xlabel("epoch")
            axes.set_ylim(bottom=min([0.0, *values]))
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return _svg(figure)


def parameter_bar(parameters: Parameters) -> str:
    """Return one bar: what trains, by group."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 0.95), layout="constrained")
        axes, left = figure.add_subplot(), 0
        for group, colour in PARTS.items():
            count = getattr(parameters, group)
            if count:
                axes.barh(0, count / 1e6, left=left / 1e6, color=colour, label=f"{group} {count / 1e6:.3f} M")
                left += count
        axes.set_yticks([])
        axes.set_xlabel("trainable parameters (M)")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(PARTS), frameon=False, fontsize=8)
        return _svg(figure)


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
