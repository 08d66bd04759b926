"""Lay out what papers printed as markdown."""

from __future__ import annotations

from mtlbench.boards.markdown import escape, table
from mtlbench.boards.papers import PaperRow, Papers, PaperTable

NONE = "–"
INTRODUCTION = """\
Printed by others and not run here: no record stands behind them, protocols differ from this board's and from
each other's, and nobody reports seeds. They are never ranked with records. "Δm again" is computed from the
row's own printed values and its reference's; † marks a printed Δm that is not theirs, rounding aside."""


def paper_sections(papers: Papers | None) -> list[str]:
    """Return the paragraphs about printed numbers; none where the board has none."""
    if papers is None:
        return []
    numbers = {key: index for index, key in enumerate(papers.sources, start=1)}
    paragraphs = ["## Published numbers", INTRODUCTION]
    for group in papers.tables:
        paragraphs += [f"### {escape(group.title)}", *([escape(group.note)] if group.note else [])]
        paragraphs.append(_table(group, numbers))
        notes = [
            f"- {escape(row.method)}: {escape(text)}" for row in group.rows if (text := _note(group, row))
        ]
        paragraphs += ["\n".join(notes)] if notes else []
    sources = [
        f"{numbers[key]}. {escape(source.title)}, {escape(source.where)}: <{source.url}>"
        for key, source in papers.sources.items()
    ]
    return [*paragraphs, "### Sources", "\n".join(sources)]


def _table(group: PaperTable, numbers: dict[str, int]) -> str:
    titles = [escape(metric.title) for metric in group.metrics]
    deltas = any(row.delta is not None or row.reference for row in group.rows)
    backbones = any(row.backbone for row in group.rows)
    sizes = any(row.parameters is not None for row in group.rows)
    headers = ["method", *(["backbone"] if backbones else []), *titles]
    headers += ["Δm printed (%)", "Δm again (%)"] if deltas else []
    headers += ["parameters (M)"] if sizes else []
    rows = []
    for row in group.rows:
        found = group.recomputed(row)
        cells = [escape(row.method), *([escape(row.backbone or NONE)] if backbones else [])]
        cells += [
            f"{row.values[metric.task]:.{metric.digits}f}" if metric.task in row.values else NONE
            for metric in group.metrics
        ]
        if deltas:
            mark = " †" if group.disagrees(row) else ""
            cells.append(NONE if row.delta is None else f"{row.delta:+.2f}{mark}")
            cells.append(NONE if found is None else f"{found[0]:+.2f}")
        if sizes:
            cells.append(NONE if row.parameters is None else f"{row.parameters:g}")
        rows.append([*cells, f"[{numbers[row.source]}]"])
    return table([*headers, "source"], rows, left=2 if backbones else 1)


def _note(group: PaperTable, row: PaperRow) -> str:
    parts = [row.note] if row.note else []
    if row.counts:
        parts.append(f"parameters are {row.counts}")
    found = group.recomputed(row)
    if found and group.disagrees(row):
        parts.append(
            f"printed with Δm {row.delta:+.2f}, but its values give {found[0]:+.2f} ± {found[1]:.2f} "
            "for rounding"
        )
    return "; ".join(parts)
