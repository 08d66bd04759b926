"""Know which buildings belong to which split."""

from __future__ import annotations

from pathlib import Path

from mtlbench.data.errors import BadSample, MissingData

SUBSETS = ("tiny", "medium", "full", "fullplus")
SPLITS = ("train", "val", "test")
LISTS = "https://github.com/StanfordVL/taskonomy/raw/master/data/assets/splits_taskonomy.zip"

_TINY = {
    "train": "hanson merom klickitat onaga leonardo marstons newfields pinesdale lakeville cosmos "
    "benevolence pomaria tolstoy shelbyville allensville wainscott beechwood coffeen stockman hiteman "
    "woodbine lindenwood forkland mifflinburg ranchester",
    "val": "wiconisco corozal collierville markleeville darden",
    "test": "ihlen muleshoe uvalda noxapater mcdade",
}
TINY = {split: names.split() for split, names in _TINY.items()}
"""Split -> buildings of the tiny subset, from `train_val_test_tiny.csv` of the release (`LISTS`)."""


def read_buildings(root: Path, subset: str) -> dict[str, list[str]]:
    """Return the buildings of every split in the order of the release's list.

    The list is `train_val_test_SUBSET.csv` in `root` or in its folder `splits_taskonomy`, with lines
    `building,1,0,0`. The tiny one is known without a file.

    Raises:
        MissingData: the list is absent.
        BadSample: a line of it is not of that form.
    """
    path = _find_list(root, subset)
    if path is None and subset == "tiny":
        return TINY
    if path is None:
        raise MissingData(
            f"{root / _name(subset)} is missing, so the buildings of subset {subset!r} are unknown; unpack "
            f"{LISTS} in {root}."
        )
    found: dict[str, list[str]] = {split: [] for split in SPLITS}
    # the release's lists end lines as old Macintoshes did; no name holds a space
    for line in path.read_text(encoding="utf-8").split()[1:]:
        building, *flags = line.split(",")
        if len(flags) != len(SPLITS) or sorted(flags) != ["0", "0", "1"]:
            raise BadSample(
                f"{path} holds the line {line!r} instead of a building with one 1 among three flags, such as "
                f"hanson,1,0,0; unpack {LISTS} again."
            )
        found[SPLITS[flags.index("1")]].append(building)
    return found


def largest_subset(root: Path) -> str:
    """Return the largest subset whose list `root` has, or `tiny`."""
    return next((subset for subset in reversed(SUBSETS) if _find_list(root, subset)), "tiny")


def _find_list(root: Path, subset: str) -> Path | None:
    places = (root / _name(subset), root / "splits_taskonomy" / _name(subset))
    return next((path for path in places if path.is_file()), None)


def _name(subset: str) -> str:
    return f"train_val_test_{subset}.csv"
