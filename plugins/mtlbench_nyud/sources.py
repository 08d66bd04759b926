"""Know where NYUD-MT comes from, on what terms, and how large it is."""

from __future__ import annotations

from pathlib import Path

from mtlbench.data.errors import DownloadError
from mtlbench.data.google_drive import find_file, opener_with_cookies
from mtlbench.data.install import install, require_acceptance

FILE_ID = "14EAEMXmd3zs2hIMY63UhHPSFPDAkiTzw"
"""The MTI release on Google Drive, as named by its readers' sources and READMEs."""
DRIVE = "https://drive.google.com/uc"
PUBLISHED_COUNTS = {"train": 795, "val": 654}
LICENCE = """NYU Depth Dataset V2 (Silberman, Hoiem, Kohli, Fergus: Indoor Segmentation and Support Inference
from RGBD Images, ECCV 2012). Its authors publish it for research and state no licence; no later release of
multi-task labels derived from it states one either. Cite the paper, do not pass the files on, and ask the
authors before any other use. mtlbench ships none of it."""


def download(root: Path, accept_licence: bool, drive: str = DRIVE) -> Path:
    """Fetch the MTI release and unpack it as `root`; see `install`.

    Raises:
        LicenceNotAccepted: `accept_licence` is false.
        DownloadError: the host refuses or breaks off.
        UnsafeArchive: what arrived is no archive that may be unpacked, or `root` holds something.
    """
    require_acceptance(LICENCE, accept_licence)
    opener = opener_with_cookies()

    def locate() -> str:
        try:
            return find_file(drive, FILE_ID, opener)
        except OSError as error:
            raise DownloadError(
                f"{drive} cannot be reached ({error}). Fetch https://drive.google.com/file/d/{FILE_ID}/view "
                f"in a browser and unpack it as {root}."
            ) from error

    return install(root, f"google drive {FILE_ID}", locate, opener)
