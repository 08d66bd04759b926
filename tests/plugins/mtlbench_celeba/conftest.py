"""A small copy of CelebA on disk, written without the reader's help."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HEADER = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair "
    "Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup "
    "High_Cheekbones Male Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose "
    "Receding_Hairline Rosy_Cheeks Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat "
    "Wearing_Lipstick Wearing_Necklace Wearing_Necktie Young"
)
CODES = (0, 0, 0, 1, 2, 2)


def make_attributes() -> np.ndarray:
    """Return bool (images, 40)."""
    return np.random.default_rng(0).random((len(CODES), 40)) < 0.5


def write_copy(root: Path, images: str = "", lists: str = "", splits: str = "", commas: bool = False) -> Path:
    """Write a copy whose images, attribute list and split list lie in these folders."""
    for folder in (f"{images}img_align_celeba", lists, splits):
        (root / folder).mkdir(parents=True, exist_ok=True)
    names = [f"{number:06d}.jpg" for number in range(1, len(CODES) + 1)]
    for number, name in enumerate(names):
        face = np.full((218, 178, 3), 40 * number, np.uint8)
        Image.fromarray(face).save(root / f"{images}img_align_celeba" / name, quality=95)
    rows = [["1" if value else "-1" for value in row] for row in make_attributes()]
    end, glue = (".csv", ",") if commas else (".txt", " ")
    head = "image_id," + HEADER.replace(" ", ",") if commas else f"{len(names)}\n{HEADER} "
    body = [
        glue.join([name, *(v if commas else v.rjust(2) for v in row)])
        for name, row in zip(names, rows, strict=True)
    ]
    (root / lists / f"list_attr_celeba{end}").write_text("\n".join([head, *body]) + "\n")
    codes = [f"{name}{glue}{code}" for name, code in zip(names, CODES, strict=True)]
    (root / splits / f"list_eval_partition{end}").write_text(
        "\n".join((["image_id,partition"] if commas else []) + codes)
    )
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_copy(tmp_path / "celeba")


@pytest.fixture
def write():
    return write_copy


@pytest.fixture
def attributes() -> dict[str, np.ndarray]:
    """Return attribute -> bool (images,)."""
    return dict(zip(HEADER.split(), make_attributes().T, strict=True))
