"""Average the ranks that adapters chose: place by stream, over the seeds of each ranked method."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mtlbench.boards.aggregate import Method, Spread, Standing

#: what fits into one picture
MAX_MAPS, MAX_PLACES, MAX_STREAMS = 6, 200, 24


@dataclass(frozen=True)
class RankMap:
    """Hold place -> stream -> rank over one method's seeds; a stream is missing where it has no layer."""

    name: str
    seeds: int
    ranks: Mapping[str, Mapping[str, Spread]]

    @property
    def means(self) -> dict[str, dict[str, float]]:
        """Return place -> stream -> mean rank."""
        return {
            place: {stream: cell.mean for stream, cell in cells.items()}
            for place, cells in self.ranks.items()
        }

    @property
    def overall(self) -> Spread:
        """Return the mean rank of all places and streams, and how far their means lie apart."""
        return Spread.of(cell.mean for cell in self._cells())

    @property
    def by_chance(self) -> float | None:
        """Return how far the means would lie apart if all places had one rank but for what seeds change.

        That is σ/√n of n seeds, σ² the variance from seed to seed, averaged over places and streams; None for
        one seed. What a seed adds to all places alike counts too, so it is rather too large than too small.
        """
        variances = [cell.std**2 for cell in self._cells() if cell.std is not None]
        return math.sqrt(statistics.fmean(variances) / self.seeds) if variances else None

    def _cells(self) -> list[Spread]:
        return [cell for streams in self.ranks.values() for cell in streams.values()]


def rank_maps(standing: Standing) -> list[RankMap]:
    """Return the ranks of the best methods that chose them and fit into one picture, best first.

    A rank is chosen where one stream's differs from place to place or from seed to seed. One rank per stream
    everywhere was set by the config, and its map would say nothing.
    """
    maps: list[RankMap] = []
    for method in standing.ranked:
        if len(maps) < MAX_MAPS and _chosen(method):
            found = _averaged(method)
            if len(places([*maps, found])) <= MAX_PLACES and len(streams(found)) <= MAX_STREAMS:
                maps.append(found)
    return maps


def places(maps: Iterable[RankMap]) -> list[str]:
    """Return the places of all maps, numbers in them by value: ``blocks.2`` before ``blocks.10``."""
    return sorted({place for found in maps for place in found.ranks}, key=_natural)


def streams(found: RankMap, tasks: Iterable[str] = ()) -> list[str]:
    """Return the streams of a map: the shared one, tasks in the order of the board, then any other."""
    order = ["shared", *tasks]
    names = {name for ranks in found.ranks.values() for name in ranks}
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))


def _chosen(method: Method) -> bool:
    seen: dict[str, set[int]] = {}
    for record in method.records:
        for ranks in (record.rank_map or {}).values():
            for stream, rank in ranks.items():
                seen.setdefault(stream, set()).add(rank)
    return any(len(ranks) > 1 for ranks in seen.values())


def _averaged(method: Method) -> RankMap:
    found: dict[str, dict[str, list[int]]] = {}
    for record in method.records:
        for place, ranks in (record.rank_map or {}).items():
            for stream, rank in ranks.items():
                found.setdefault(place, {}).setdefault(stream, []).append(rank)
    return RankMap(
        method.name,
        len(method.records),
        {
            place: {stream: Spread.of(values) for stream, values in ranks.items()}
            for place, ranks in found.items()
        },
    )


def _natural(place: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"([0-9]+)", place)
    return [(0, int(part), "") if index % 2 else (1, 0, part) for index, part in enumerate(parts)]
