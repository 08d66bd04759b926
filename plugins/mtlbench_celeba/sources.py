"""Know where CelebA comes from and on what terms."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mtlbench.data.archive import extract
from mtlbench.data.download import download as fetch
from mtlbench.data.errors import DownloadError
from mtlbench.data.google_drive import find_file, opener_with_cookies
from mtlbench.data.install import require_acceptance

DRIVE = "https://drive.google.com/uc"
FILES = {
    "list_eval_partition.txt": ("0B7EVK8r0v71pY0NSMzRuSXJEVkk", "d32c9cbf5e040fd4025c592c306e6668"),
    "list_attr_celeba.txt": ("0B7EVK8r0v71pblRyaVFSWGxPY0U", "75e246fa4810816ffd6ee81facbd244c"),
    "img_align_celeba.zip": ("0B7EVK8r0v71pZjFTYXZWM3FlRnM", "00d2c5bc6d35e252742224ab0c1e8fcb"),
}
"""Name -> file on the authors' Google Drive and its MD5, as torchvision publishes them."""
PAGE = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
COUNTS = {"train": 162770, "val": 19867, "test": 19962}
LICENCE = f"""CelebA agreement ({PAGE}). In short: for non-commercial research only; the images come from
the Internet and are no property of MMLAB, The Chinese University of Hong Kong; do not reproduce, sell or
exploit any part of the images or of data derived from them; do not copy, publish or distribute them further,
except within one site of your organisation. mtlbench ships none of it."""


def download(root: Path, accept_licence: bool, drive: str = DRIVE) -> Path:
    """Fetch both lists and the aligned images, and unpack these as `root`/img_align_celeba.

    What is there already is kept, so the command goes on where it stopped.

    Raises:
        LicenceNotAccepted: `accept_licence` is false.
        DownloadError: the host refuses or breaks off, or a file has another checksum.
        UnsafeArchive: the archive holds what may not be unpacked.
    """
    require_acceptance(LICENCE, accept_licence)
    opener = opener_with_cookies()
    for name, (file_id, md5) in FILES.items():
        path = root / name
        unpacked = path.with_suffix("")
        if unpacked.is_dir():
            continue
        if not path.is_file():
            try:
                address = find_file(drive, file_id, opener)
            except OSError as error:
                raise DownloadError(
                    f"{drive} cannot be reached ({error}). Fetch {name} from {PAGE} in a browser to {root}, "
                    "and run the same command again."
                ) from error
            fetch(address, path, opener=opener)
        _compare(path, md5)
        if path.suffix == ".zip":
            extract(path, unpacked)
            path.unlink()
    return root


def _compare(path: Path, md5: str) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as stream:
        while data := stream.read(2**20):
            digest.update(data)
    if digest.hexdigest() != md5:
        raise DownloadError(
            f"{path} has the MD5 {digest.hexdigest()} instead of {md5}; delete it and run the same command "
            f"again. If that fails too, fetch it from {PAGE}."
        )
