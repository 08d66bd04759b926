"""Find the files of a copy of Taskonomy, in whichever of the usual layouts it lies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mtlbench.data.errors import MissingData

PREFIXES = {
    "omnidata": "{domain}/taskonomy/{building}/",  # omnitools.download
    "taskgrouping": "{domain}/{building}/",  # Standley et al., ICML 2020
    "xtconsistency": "{building}_{domain}/{domain}/",  # Zamir et al., CVPR 2020
    "archives": "{building}/{domain}/",  # archives unpacked into a folder per building
    "vtm": "{domain}/{building}_",  # Visual Token Matching: all buildings in one folder
}
"""What stands before `point_P_view_V` in a file's path, by layout."""

_PHOTO = re.compile(r"(point_(\d+)_view_(\d+))(?:_domain_rgb)?\.png")


class Layout:
    """Know the files of some buildings below `root`.

    Raises:
        MissingData: no layout fits, or a building has no photo.
    """

    def __init__(self, root: Path, buildings: Sequence[str]) -> None:
        self.root, self._suffixes = root, dict[str, str]()
        self.name, photos = find_photos(root, buildings)
        lacking = tuple(building for building, views in photos.items() if not views)
        if lacking:
            raise MissingData(
                f"{root} lacks the photos of {len(lacking)} of the split's {len(photos)} buildings, the "
                f"first is {lacking[0]}; fetch their archives, or do without them: without={lacking[:9]} in "
                "the config's dataset."
            )
        #: building/point_P_view_V; buildings in the order of the list, points and views by number
        self.ids = tuple(f"{building}/{view}" for building, views in photos.items() for view in views)

    def path(self, domain: str, name: str) -> Path:
        """Return the file of a domain that belongs to the photo `name`."""
        return self._path(domain, name, self._suffix(domain))

    def require(self, domain: str, task: str) -> None:
        """Raise `MissingData` where a photo has no file of `domain`."""
        buildings = dict.fromkeys(name.split("/")[0] for name in self.ids)
        there = {building: set(names) for building, names in _list(self.root, self.name, domain, buildings)}
        suffix = self._suffix(domain)
        lacking = []
        for name in self.ids:
            building, view = name.split("/")
            if view + suffix not in there[building]:
                lacking.append(name)
        if lacking:
            raise MissingData(
                f"{self.path(domain, lacking[0])} is missing, one of {len(lacking)} absent files of the "
                f"domain {domain} beside {len(self.ids)} photos; fetch its archives again, or do without "
                f"{task}."
            )

    def _suffix(self, domain: str) -> str:
        """Return how names end: the release has `_domain_segmentsemantic` in its folder segment_semantic."""
        if domain not in self._suffixes:
            usual = (f"_domain_{domain}.png", f"_domain_{domain.replace('_', '')}.png", ".png")
            there = (suffix for suffix in usual if self._path(domain, self.ids[0], suffix).is_file())
            self._suffixes[domain] = next(there, usual[0])
        return self._suffixes[domain]

    def _path(self, domain: str, name: str, suffix: str) -> Path:
        building, view = name.split("/")
        return self.root / f"{_prefix(self.name, domain, building)}{view}{suffix}"


def find_photos(root: Path, buildings: Sequence[str]) -> tuple[str, dict[str, list[str]]]:
    """Return the layout in which `root` has photos of some building, and building -> point_P_view_V.

    Raises:
        MissingData: there is none.
    """
    for layout in PREFIXES:
        photos = {building: _views(names) for building, names in _list(root, layout, "rgb", buildings)}
        if any(photos.values()):
            return layout, photos
    examples = [f"{_prefix(name, 'rgb', buildings[0])}point_0_view_0_domain_rgb.png" for name in PREFIXES]
    raise MissingData(
        f"{root} holds no photo of any building that the list names, such as {' or '.join(examples)}; it "
        "must be the folder in which these begin."
    )


def _list(root: Path, layout: str, domain: str, buildings: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each building with the names of its files in a domain, from `point_` on."""
    listed: dict[Path, list[str]] = {}
    for building in buildings:
        folder, _, start = _prefix(layout, domain, building).rpartition("/")
        place = root / folder
        if place not in listed:
            listed[place] = [path.name for path in place.iterdir()] if place.is_dir() else []
        yield building, [name.removeprefix(start) for name in listed[place] if name.startswith(start)]


def _views(names: list[str]) -> list[str]:
    matches = filter(None, map(_PHOTO.fullmatch, names))
    return [match[1] for match in sorted(matches, key=lambda match: (int(match[2]), int(match[3])))]


def _prefix(layout: str, domain: str, building: str) -> str:
    return PREFIXES[layout].format(domain=domain, building=building)
