"""Fetch NYUD-MT, and remember what was fetched."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from urllib.request import OpenerDirector

from mtlbench.data.archive import extract
from mtlbench.data.download import download as fetch
from mtlbench.data.download import sha256_of
from mtlbench.data.errors import BadSample, DownloadError, LicenceNotAccepted

from .google_drive import find_file, opener_with_cookies

FILE_ID = "14EAEMXmd3zs2hIMY63UhHPSFPDAkiTzw"
"""The MTI release on Google Drive, as named by its readers' sources and READMEs."""
DRIVE = "https://drive.google.com/uc"
PUBLISHED_COUNTS = {"train": 795, "val": 654}
MANIFEST = "mtlbench-manifest.json"
LICENCE = """NYU Depth Dataset V2 (Silberman, Hoiem, Kohli, Fergus: Indoor Segmentation and Support Inference
from RGBD Images, ECCV 2012). Its authors publish it for research and state no licence; no later release of
multi-task labels derived from it states one either. Cite the paper, do not pass the files on, and ask the
authors before any other use. mtlbench ships none of it."""


def download(root: Path, accept_licence: bool, drive: str = DRIVE) -> Path:
    """Fetch the MTI release, unpack it as `root` and pin what arrived in `root/mtlbench-manifest.json`.

    No checksum is published. The first download on this machine therefore decides: its SHA-256 is kept in the
    manifest, and `check` compares the files with it.

    Raises:
        LicenceNotAccepted: `accept_licence` is false.
        DownloadError: the host refuses or breaks off.
        UnsafeArchive: what arrived is no archive that may be unpacked, or `root` holds something.
    """
    if not accept_licence:
        raise LicenceNotAccepted(f"{LICENCE}\n\nTo accept these terms, add --accept-licence.")
    archive = root.with_name(root.name + ".archive")
    opener = opener_with_cookies()
    if archive.is_file():  # whole, but not yet unpacked
        digest = sha256_of(archive)
    else:
        digest = fetch(_find(drive, root, opener), archive, opener=opener)
    extract(archive, root)
    pinned = {
        "source": f"google drive {FILE_ID}",
        "sha256": digest,
        "published_sha256": None,
        **_listing(root),
    }
    (root / MANIFEST).write_text(json.dumps(pinned, indent=2) + "\n", encoding="utf-8")
    archive.unlink()
    return root


def _find(drive: str, root: Path, opener: OpenerDirector) -> str:
    try:
        return find_file(drive, FILE_ID, opener)
    except OSError as error:
        raise DownloadError(
            f"{drive} cannot be reached ({error}). Fetch https://drive.google.com/file/d/{FILE_ID}/view in "
            f"a browser and unpack it as {root}."
        ) from error


def compare_with_manifest(root: Path) -> list[str]:
    """Report whether `root` still holds what was downloaded.

    Raises:
        BadSample: it does not.
    """
    path = root / MANIFEST
    if not path.is_file():
        return [f"{root} was not fetched by mtlbench; no checksum is published to compare it with"]
    pinned = json.loads(path.read_text(encoding="utf-8"))
    now = _listing(root)
    if now["files_sha256"] != pinned["files_sha256"]:
        raise BadSample(
            f"{root} holds {now['files']} files that differ from the {pinned['files']} listed in "
            f"{path.name}; delete the folder and fetch it again with `mtlbench data get nyud`."
        )
    pin = pinned["sha256"][:16]
    return [f"names and sizes of {now['files']} files are those of the first download ({pin})"]


def _listing(root: Path) -> dict[str, object]:
    paths = sorted(path for path in root.rglob("*") if path.is_file() and path.name != MANIFEST)
    lines = "".join(f"{path.relative_to(root).as_posix()} {path.stat().st_size}\n" for path in paths)
    return {"files": len(paths), "files_sha256": hashlib.sha256(lines.encode()).hexdigest()}
