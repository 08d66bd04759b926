"""Which context every task takes from every other: what was published, and how a config says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mtlbench.errors import MtlbenchError, did_you_mean

CONTEXTS = ("none", "global", "local", "t-label", "s-label")


def _table(tasks: str, rows: str) -> dict[str, dict[str, str]]:
    """Read a table of targets by sources, a digit per pair that counts in `CONTEXTS`."""
    names = tasks.split()
    return {
        target: {source: CONTEXTS[int(digit)] for source, digit in zip(names, row, strict=True)}
        for target, row in zip(names, rows.split(), strict=True)
    }


#: found by the authors' search, by data set and backbone
PUBLISHED = {
    "nyud-hrnet18": _table("semseg depth normals edge", "3344 4344 4334 3313"),
    "nyud-hrnet48": _table("semseg depth normals edge", "3004 4114 4114 3333"),
    "pascal-hrnet18": _table("semseg human_parts saliency normals edge", "33404 33434 33343 33334 33313"),
}


class UnknownContext(MtlbenchError):
    """Say which contexts exist."""

    def __init__(self, context: object) -> None:
        known = (*CONTEXTS, *PUBLISHED)
        super().__init__(
            f"genotype={context!r} names no context.{did_you_mean(str(context), known)} Take one of "
            f"{', '.join(CONTEXTS)} for all pairs of tasks, one of {', '.join(PUBLISHED)}, or a table of "
            "contexts by target and source."
        )


class MissingPair(MtlbenchError):
    """Say which pair of tasks a genotype leaves out."""

    def __init__(self, target: str, source: str) -> None:
        super().__init__(
            f"The genotype says nothing of what {target!r} takes from {source!r}; add "
            f"genotype[{target!r}][{source!r}], or name one context for all pairs."
        )


def contexts_of(genotype: str | Mapping[str, Mapping[str, str]], tasks: Sequence[str]) -> list[list[str]]:
    """List the context of every target (rows) and source (columns).

    Raises:
        UnknownContext: a name is neither a context nor a published genotype.
        MissingPair: a table lacks two of the tasks.
    """
    if isinstance(genotype, str):
        if genotype in CONTEXTS:
            return [[genotype] * len(tasks) for _ in tasks]
        if genotype not in PUBLISHED:
            raise UnknownContext(genotype)
        genotype = PUBLISHED[genotype]
    found = []
    for target in tasks:
        for source in tasks:
            if source not in genotype.get(target, {}):
                raise MissingPair(target, source)
            if genotype[target][source] not in CONTEXTS:
                raise UnknownContext(genotype[target][source])
        found.append([genotype[target][source] for source in tasks])
    return found
