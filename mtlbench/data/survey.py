"""Read a whole dataset once and report what it holds."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

from mtlbench.contracts.dataset import Dataset
from mtlbench.data.errors import BadSample
from mtlbench.data.parallel import produce_all
from mtlbench.data.statistics import MEASURES, Statistics


def survey(
    splits: Mapping[str, Dataset],
    published: Mapping[str, int],
    kinds: Mapping[str, str],
    *,
    processes: int = 2,
) -> Iterator[str]:
    """Read every sample of every split and yield findings, one line each.

    They are counts, sizes, types, value ranges and class histograms, the fingerprint that records carry, a
    hash of the contents of all files, broken samples, and images that two splits share.

    Args:
        splits: split -> dataset with all its tasks.
        published: split -> number of images.
        kinds: task -> label kind.
        processes: how many read.

    Raises:
        BadSample: after all lines, if a sample is broken or an image shared.
    """
    problems: list[str] = []
    for split, dataset in splits.items():
        sizes: Counter[tuple[int, int]] = Counter()
        totals: dict[str, Any] = {}
        contents = hashlib.sha256()
        examine = partial(_examine, dataset=dataset, kinds=kinds)
        for finding in produce_all(examine, len(dataset), processes, f"the report on {split}"):
            if isinstance(finding, str):
                problems.append(finding)
                continue
            sizes[finding.size] += 1
            contents.update(finding.contents)
            for part, statistics in finding.parts.items():
                totals[part] = totals[part] + statistics if part in totals else statistics
        count = f"{len(dataset)} images"
        if len(dataset) != published[split]:
            count += f" (published: {published[split]})"
        marks = f"fingerprint {dataset.fingerprint()}, contents {contents.hexdigest()[:16]}"
        yield f"{split}: {count}; {_describe(sizes)}; {marks}"
        yield from (f"{split} {part}: {statistics}" for part, statistics in totals.items())
    for (one, first), (other, second) in combinations(splits.items(), 2):
        shared = sorted(set(first.ids) & set(second.ids))
        if shared:
            problems.append(f"{len(shared)} image(s) are in both {one} and {other}, such as {shared[0]}.")
    yield from problems
    if problems:
        raise BadSample(f"The dataset has {len(problems)} problem(s), listed above; mend them one by one.")


class _Finding(NamedTuple):
    size: tuple[int, int]
    contents: bytes
    parts: dict[str, Statistics]


def _examine(index: int, dataset: Dataset, kinds: Mapping[str, str]) -> _Finding | str:
    try:
        sample = dataset[index]
    except BadSample as error:
        return str(error)
    contents = hashlib.sha256()
    for path in dataset.files(index).values():
        contents.update(path.read_bytes())
    parts = {"image": MEASURES["photo"](sample["image"])}
    parts |= {task: MEASURES[kinds[task]](label) for task, label in sample["labels"].items()}
    height, width = sample["image"].shape[:2]
    return _Finding((height, width), contents.digest(), parts)


def _describe(sizes: Counter[tuple[int, int]]) -> str:
    if not sizes:
        return "none of them readable"
    if len(sizes) <= 3:
        return ", ".join(f"{height}x{width}" for height, width in sorted(sizes))
    heights, widths = zip(*sizes, strict=True)
    return f"{len(sizes)} sizes, {min(heights)} to {max(heights)} high, {min(widths)} to {max(widths)} wide"
