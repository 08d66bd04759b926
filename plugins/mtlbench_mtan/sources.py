"""Know where the packages come from and on what terms."""

from __future__ import annotations

from pathlib import Path
from zipfile import is_zipfile

from mtlbench.data.download import download as fetch
from mtlbench.data.errors import DownloadError
from mtlbench.data.install import install, require_acceptance

SHARES = {
    "mtan-nyuv2": "https://www.dropbox.com/sh/86nssgwm6hm3vkb/AACrnUQ4GxpdrBbLjb6n-mWNa",
    "mtan-cityscapes": "https://www.dropbox.com/sh/gaw6vh6qusoyms6/AADwWi0Tp3E3M4B2xzeGlsEna",
}
"""Folders that the authors share (README of lorenmt/mtan); Cityscapes is the version of 128x256."""

LICENCES = {
    "mtan-nyuv2": """\
NYU Depth Dataset V2 (Silberman, Hoiem, Kohli, Fergus, ECCV 2012), packed by Liu, Johns and Davison
(End-to-End Multi-Task Learning with Attention, CVPR 2019). Its authors publish it for research and state no
licence; those of the package state none either. Cite both papers, do not pass the files on, and ask the
authors before any other use. mtlbench ships none of it.""",
    "mtan-cityscapes": """\
Cityscapes (Cordts et al., CVPR 2016), packed by Liu, Johns and Davison (End-to-End Multi-Task Learning
with Attention, CVPR 2019). Its terms, https://www.cityscapes-dataset.com/license/, allow non-commercial
research by those who have registered at https://www.cityscapes-dataset.com/register/ and forbid passing
it on, so register before you accept. Cite both papers. mtlbench ships none of it.""",
}


def download(name: str, root: Path, accept_licence: bool, share: str | None = None) -> Path:
    """Fetch the shared folder as one archive and unpack it as `root`; see `install`.

    Raises:
        LicenceNotAccepted: `accept_licence` is false.
        DownloadError: the host refuses or breaks off, or sends something else than the package.
        UnsafeArchive: what arrived is no archive that may be unpacked, or `root` holds something.
    """
    require_acceptance(LICENCES[name], accept_licence)
    address = share or SHARES[name]
    archive = root.with_name(root.name + ".archive")
    by_hand = (
        f"Open {address} in a browser, and unpack what it offers so that {root / 'train' / 'image'} exists."
    )
    if not archive.is_file():
        fetch(f"{address}?dl=1", archive)
    if not is_zipfile(archive):
        archive.unlink()
        raise DownloadError(f"{address} sent a page instead of the package. {by_hand}")
    install(root, address, lambda: address)
    if not (root / "train" / "image").is_dir():
        raise DownloadError(f"What {address} sent holds no train/image, see {root}. {by_hand}")
    return root
