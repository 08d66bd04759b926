"""Gather what a run left behind into one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from mtlbench.metrics.delta_m import contributions
from mtlbench.report.charts import loss_curves, parameter_bar
from mtlbench.results.schema import Record

HERE = Path(__file__).parent
PICTURES = {
    "predictions.png": "Predictions below labels, for the same images in every run",
    "weights.png": "Weights of the tasks' losses",
    "conflicts.png": "How gradients of tasks agree: red pairs pull apart",
    "ranks.png": "Ranks by place and stream",
}
MAX_LINES = 40
Rows = Iterable[Sequence[str]]


def report(record: Record, folder: Path | None, references: Mapping[str, tuple[float, int]]) -> str:
    """Return the page of a run; whatever strangers wrote stands in it as text.

    Args:
        record: the run's record.
        folder: the run's folder, for pictures and the log; None where only the record is at hand.
        references: task -> (mean, number of seeds) of its single-task reference, where a board has one.
    """
    style = (HERE / "report.css").read_text(encoding="utf-8").strip()
    # styles may be inline, as matplotlib's are; no script runs, and nothing is fetched
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    sections = [
        _results(record, references),
        _section("Losses", loss_curves(record.curves)) if record.curves else "",
        *_pictures(folder),
        _cost(record),
        _warnings(folder),
        _provenance(record),
        _section("Config", f"<pre>{_text(json.dumps(record.config, indent=2, sort_keys=True))}</pre>"),
    ]
    values = {
        "POLICY": policy,
        "TITLE": _text(f"{record.name}, seed {record.seed}"),
        "LEAD": _lead(record),
        "STYLE": style,
        "BODY": "\n".join(filter(None, sections)),
    }
    page = (HERE / "report.html").read_text(encoding="utf-8")
    return re.sub(r"\[\[(\w+)\]\]", lambda found: values[found[1]], page)


def _lead(record: Record) -> str:
    board = f"for the board {record.board}" if record.board else "for no board"
    demo = " <strong>A demonstration: no board takes it.</strong>" if record.demo else ""
    return f"{_text(f'{record.iterations:,} steps, made {board}, {record.created}.')}{demo}"


def _results(record: Record, references: Mapping[str, tuple[float, int]]) -> str:
    known = {task: mean for task, (mean, _) in references.items() if task in record.primary}
    changes = contributions(
        {task: record.primary[task].value for task in known},
        known,
        {task: record.primary[task].higher_is_better for task in known},
    )
    rows = []
    for task, primary in record.primary.items():
        arrow = "↑" if primary.higher_is_better else "↓"
        unit = f" ({primary.unit})" if primary.unit else ""
        others = [
            f"{name} {value:.4g}" for name, value in record.metrics[task].items() if name != primary.metric
        ]
        rows.append(
            [
                task,
                f"{primary.metric} {arrow}{unit}",
                f"{primary.value:.4g}",
                f"{known[task]:.4g}" if task in known else "–",
                f"{changes[task]:+.2f}" if task in changes else "–",
                ", ".join(others),
            ]
        )
    complete = len(changes) == len(record.primary)
    delta = f"{sum(changes.values()) / len(changes):+.2f} %" if complete and changes else None
    headline = (
        f'<p class="headline">Δm {_text(delta)}</p>' if delta else "<p>No board gives references for Δm.</p>"
    )
    headers = ["task", "metric", "value", "single task", "change (%)", "further metrics"]
    return _section("Results", headline + _table(headers, rows))


def _pictures(folder: Path | None) -> list[str]:
    if folder is None:
        return [_section("Pictures", "<p>Only the record is at hand: pictures lie in the run's folder.</p>")]
    found = []
    for name, title in PICTURES.items():
        path = folder / "pictures" / name
        if path.is_file() and not path.is_symlink():
            data = base64.b64encode(path.read_bytes()).decode()
            image = f'<img alt="{_text(title)}" src="data:image/png;base64,{data}">'
            found.append(_section(title, f'<div class="wide">{image}</div>'))
    return found


def _cost(record: Record) -> str:
    cost, counts = record.cost, record.parameters
    shown = [
        ("trainable", f"{counts.trainable:,}"),
        ("... of which no gradient ever reaches", f"{counts.dead:,}"),
        ("most that trained at once", f"{counts.peak:,}"),
        ("left after pruning", f"{counts.final:,}"),
        ("whole model", f"{counts.total:,}"),
        ("MACs per image", _or_dash(cost.macs, lambda value: f"{value / 1e9:.3f} G")),
        ("passes of the backbone per image", f"{cost.forward_passes:g}"),
        ("training step, median", _or_dash(cost.step_time_ms, lambda value: f"{value:.1f} ms")),
        ("... first epoch", _or_dash(cost.step_time_first_ms, lambda value: f"{value:.1f} ms")),
        ("... last epoch", _or_dash(cost.step_time_last_ms, lambda value: f"{value:.1f} ms")),
        ("images per second", _or_dash(cost.images_per_second, lambda value: f"{value:.1f}")),
        ("peak memory", _or_dash(cost.peak_memory_mb, lambda value: f"{value:.0f} MiB")),
        ("training", _or_dash(cost.train_seconds, lambda value: f"{value:.0f} s")),
    ]
    return _section("Cost", parameter_bar(counts) + _table(["", ""], shown))


def _warnings(folder: Path | None) -> str:
    log = folder / "train.log" if folder else None
    if log is None or not log.is_file():
        return ""
    lines = [
        line
        for line in log.read_text("utf-8", "replace").splitlines()
        if re.search(r" (WARNING|ERROR) ", line)
    ]
    if not lines:
        return ""
    return _section("Warnings", f"<pre>{_text(chr(10).join(lines[-MAX_LINES:]))}</pre>")


def _provenance(record: Record) -> str:
    made = record.provenance
    rows = [
        ("run", record.run_id),
        ("commit", f"{made.commit or 'a release'}{', with changes' if made.dirty else ''}"),
        ("components", ", ".join(f"{kind} {name}" for kind, name in sorted(record.components.items()))),
        ("data", ", ".join(f"{split} {mark}" for split, mark in sorted(made.data.items()))),
        ("pretrained weights", made.weights or "none"),
        ("python", made.python),
        ("libraries", ", ".join(f"{name} {version}" for name, version in sorted(made.libraries.items()))),
        ("device", f"{made.device}, {made.platform}, {made.threads} threads"),
    ]
    return _section("Provenance", _table(["", ""], rows, text=True))


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{_text(title)}</h2>\n{content}\n</section>"


def _table(headers: Sequence[str], rows: Rows, text: bool = False) -> str:
    kind = ' class="text"' if text else ""
    head = "".join(f"<th>{_text(header)}</th>" for header in headers) if any(headers) else ""
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _or_dash(value: float | None, show: Callable[[float], str]) -> str:
    return "–" if value is None else show(value)


def _text(text: str) -> str:
    return html.escape(text)
