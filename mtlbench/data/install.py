"""Fetch and unpack a dataset, and remember what arrived."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.request import OpenerDirector

from mtlbench.data.archive import extract
from mtlbench.data.download import download, sha256_of
from mtlbench.data.errors import BadSample, LicenceNotAccepted

MANIFEST = "mtlbench-manifest.json"


def require_acceptance(licence: str, accepted: bool) -> None:
    """Show the terms unless they are accepted.

    Raises:
        LicenceNotAccepted: they are not.
    """
    if not accepted:
        raise LicenceNotAccepted(f"{licence}\n\nTo accept these terms, add --accept-licence.")


def install(root: Path, source: str, locate: Callable[[], str], opener: OpenerDirector | None = None) -> Path:
    """Fetch an archive, unpack it as `root` and pin what arrived in `root`/mtlbench-manifest.json.

    For archives without a published checksum: the first download on a machine decides, and `compare` holds
    the files to it.

    Args:
        root: folder to create.
        source: name of the archive's place, for the manifest.
        locate: returns the archive's address; called only if it has not arrived yet.
        opener: carries cookies where a host needs them.

    Raises:
        DownloadError: the host refuses or breaks off.
        UnsafeArchive: what arrived is no archive that may be unpacked, or `root` holds something.
    """
    archive = root.with_name(root.name + ".archive")
    whole = archive.is_file()  # arrived, but not unpacked
    digest = sha256_of(archive) if whole else download(locate(), archive, opener=opener)
    extract(archive, root)
    pin = {"source": source, "sha256": digest, "published_sha256": None, "files": _sizes(root)}
    (root / MANIFEST).write_text(json.dumps(pin, indent=0) + "\n", encoding="utf-8")
    archive.unlink()
    return root


def compare(name: str, root: Path) -> str:
    """Say whether `root` still holds every file that `install` pinned, with its size.

    Files that came later are no matter: published readers write lists of their own into some datasets.

    Raises:
        BadSample: it does not.
    """
    path = root / MANIFEST
    if not path.is_file():
        return f"{root} was not fetched by mtlbench; no checksum is published to compare it with"
    pin = json.loads(path.read_text(encoding="utf-8"))
    now = _sizes(root)
    changed = [file for file, size in pin["files"].items() if now.get(file) != size]
    if changed:
        raise BadSample(
            f"{root} differs in {len(changed)} of the {len(pin['files'])} files listed in {path.name}, the "
            f"first is {changed[0]}; delete the folder and fetch it again with `mtlbench data get {name}`."
        )
    return (
        f"names and sizes of {len(pin['files'])} files are those of the first download ({pin['sha256'][:16]})"
    )


def _sizes(root: Path) -> dict[str, int]:
    paths = sorted(path for path in root.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(root).as_posix(): path.stat().st_size for path in paths}
