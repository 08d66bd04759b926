"""Unpack what Cityscapes' site hands out, and say how to get it."""

from __future__ import annotations

import shutil
from pathlib import Path

from mtlbench.data.archive import extract
from mtlbench.data.errors import DownloadError
from mtlbench.data.install import require_acceptance

ARCHIVES = {
    "leftImg8bit": "leftImg8bit_trainvaltest.zip",
    "gtFine": "gtFine_trainvaltest.zip",
    "disparity": "disparity_trainvaltest.zip",
}
"""Archive by the folder that it holds; disparity is needed for depth only."""
LICENCE = """\
Cityscapes (Cordts et al., The Cityscapes Dataset for Semantic Urban Scene Understanding, CVPR 2016). Its
terms, https://www.cityscapes-dataset.com/license/, allow non-commercial research by those who have
registered, and forbid passing it on. Cite the paper. mtlbench ships none of it."""


def unpack(root: Path, accept_licence: bool) -> Path:
    """Unpack the archives that lie in `root`, into folders of their own beside them.

    Raises:
        LicenceNotAccepted: `accept_licence` is false.
        DownloadError: neither the archive nor the folder of some part is there; says how to fetch it.
        UnsafeArchive: an archive may not be unpacked.
    """
    require_acceptance(LICENCE, accept_licence)
    for folder, archive in ARCHIVES.items():
        if (root / archive).is_file() and not (root / folder).exists():
            _unpack(root, folder, root / archive)
    missing = [archive for folder, archive in ARCHIVES.items() if not (root / folder).is_dir()]
    if missing:
        raise DownloadError(
            f"{root} lacks {', '.join(missing)}. Cityscapes hands them out to registered people only: "
            "register at https://www.cityscapes-dataset.com/register/, fetch them from "
            "https://www.cityscapes-dataset.com/downloads/, or with `pip install cityscapesscripts` and "
            f"`csDownload -d {root} {' '.join(missing)}`; then run this command again, which unpacks them."
        )
    return root


def _unpack(root: Path, folder: str, archive: Path) -> None:
    aside = root / f"{folder}.archive"
    extract(archive, aside)
    inner = aside / folder  # beside a licence; else the lone folder was stripped
    (inner if inner.is_dir() else aside).rename(root / folder)
    shutil.rmtree(aside, ignore_errors=True)
