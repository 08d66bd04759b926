"""Read CelebA's lists: which attributes an image has, and which split it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mtlbench.data.errors import BadSample

_NAMES = """
    5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair
    Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup
    High_Cheekbones Male Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose
    Receding_Hairline Rosy_Cheeks Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat
    Wearing_Lipstick Wearing_Necklace Wearing_Necktie Young
"""
ATTRIBUTES = tuple(_NAMES.split())
"""Names of the columns of list_attr_celeba."""
TASKS = tuple(name.lower() for name in ATTRIBUTES)
SPLITS = ("train", "val", "test")
"""Names of the numbers 0, 1 and 2 of list_eval_partition."""


def read_partition(path: Path, split: str) -> list[str]:
    """Return the file names of a split, in the order of the list.

    Raises:
        BadSample: a line is not a file name with 0, 1 or 2.
    """
    wanted, found = str(SPLITS.index(split)), []
    for number, words in _rows(path):
        if words == ["image_id", "partition"]:  # in the version with commas
            continue
        if len(words) != 2 or words[1] not in ("0", "1", "2"):
            raise BadSample(_say(path, number, words, "a file name with 0, 1 or 2"))
        if words[1] == wanted:
            found.append(words[0])
    return found


def read_attributes(path: Path, tasks: Sequence[str]) -> dict[str, tuple[bool, ...]]:
    """Return file name -> whether the image has each attribute of `tasks`, for all images.

    Raises:
        BadSample: the columns are others than `ATTRIBUTES`, or a line is no file name with 40 times -1 or 1.
    """
    columns = [1 + TASKS.index(task) for task in tasks]
    rows, found = _rows(path), {}
    for _, words in rows:
        if words[-len(ATTRIBUTES) :] == list(ATTRIBUTES):
            break
    else:
        raise BadSample(f"{path} lacks the line with the names of CelebA's 40 attributes; fetch it again.")
    for number, words in rows:
        if len(words) != 1 + len(ATTRIBUTES) or not {"-1", "1"}.issuperset(words[1:]):
            raise BadSample(_say(path, number, words, "a file name with 40 times -1 or 1"))
        found[words[0]] = tuple(words[column] == "1" for column in columns)
    return found


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield number and words of every line that is not empty."""
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            words = line.replace(",", " ").split()
            if words:
                yield number, words


def _say(path: Path, number: int, words: list[str], wanted: str) -> str:
    return f"{path} holds {' '.join(words)[:60]!r} in line {number} instead of {wanted}; fetch it again."
