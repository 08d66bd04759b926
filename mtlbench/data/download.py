"""Fetch large files over HTTP, going on where an earlier attempt stopped."""

from __future__ import annotations

import hashlib
import http.client
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from mtlbench.data.errors import DownloadError

_CHUNK = 2**18
_TIMEOUT = 30.0  # seconds without a byte


def download(
    url: str,
    destination: Path,
    sha256: str | None = None,
    attempts: int = 5,
    pause: float = 1.0,
    opener: urllib.request.OpenerDirector | None = None,
) -> str:
    """Fetch `url` to the file `destination` and return its SHA-256.

    What has arrived is kept in `destination` + `.part`, with the version of the file (ETag or date) in
    `.part.version`, and the next attempt, in this call or a later one, asks for the rest. Where a server
    cannot resume, or its file has changed, it starts anew.

    Args:
        url: what to fetch.
        destination: where to; replaced only by a whole file.
        sha256: what the file must hash to; None where nobody published it.
        attempts: how often to try, in a row, without a new byte arriving.
        pause: seconds before the second attempt; doubles with each further one.
        opener: carries cookies where a host needs them.

    Raises:
        DownloadError: the server refuses, too many attempts failed, or the checksum is another.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = destination.with_name(destination.name + ".part")
    failures = 0
    while True:
        before = _size(part)
        try:
            _fetch_rest(url, part, opener or urllib.request.build_opener())
            break
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                raise DownloadError(
                    f"{url} answers {error.code} ({error.reason}); check the address in a browser, or fetch "
                    f"the file by hand to {destination}."
                ) from error
            reason: Exception = error
        except (OSError, http.client.HTTPException) as error:
            reason = error
        failures = failures + 1 if _size(part) <= before else 1
        if failures >= attempts:
            raise DownloadError(
                f"{url} did not arrive after {attempts} attempts ({reason}); {_size(part)} bytes are kept, "
                "run the same command again to go on."
            ) from reason
        time.sleep(pause * 2 ** (failures - 1))
    digest = sha256_of(part)
    if sha256 is not None and digest != sha256:
        _forget(part)
        raise DownloadError(
            f"{url} has the SHA-256 {digest} instead of {sha256}; it was deleted. Run the same command "
            "again; if that fails too, the file at its source has changed."
        )
    part.replace(destination)
    _forget(part)
    return digest


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while data := stream.read(_CHUNK):
            digest.update(data)
    return digest.hexdigest()


def _fetch_rest(url: str, part: Path, opener: urllib.request.OpenerDirector) -> None:
    """Append to `part` what is missing; raises OSError or HTTPException when the connection ends early."""
    version_file = part.with_name(part.name + ".version")
    have = _size(part) if version_file.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "mtlbench", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", version_file.read_text())
    try:
        response = opener.open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing beyond what is here, or another file than before: start anew
            _forget(part)
            raise OSError("the server has no such range") from error
        raise
    with response:
        resumed = response.status == 206 and _first_byte(response) == have
        if response.status == 206 and not resumed:
            _forget(part)
            raise OSError("the server sent another range than asked for")
        version = _version(response)
        if version:
            version_file.write_text(version)
        else:
            version_file.unlink(missing_ok=True)  # a rest could not be told from the rest of another file
        missing = response.headers.get("Content-Length")
        total = None if missing is None else int(missing) + (have if resumed else 0)
        _copy(response, part, "ab" if resumed else "wb", total)
    if total is not None and _size(part) != total:
        raise http.client.IncompleteRead(b"", total - _size(part))


def _copy(response: http.client.HTTPResponse, part: Path, mode: str, total: int | None) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    quiet = not sys.stderr.isatty()
    with (
        Progress(*columns, console=Console(stderr=True), disable=quiet) as progress,
        open(part, mode) as stream,
    ):
        bar = progress.add_task(part.stem, total=total, completed=stream.tell())
        while data := response.read(_CHUNK):
            stream.write(data)
            progress.advance(bar, len(data))


def _version(response: http.client.HTTPResponse) -> str | None:
    """Return a strong validator, by which `If-Range` makes sure that the rest belongs to what is here."""
    tag = response.headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return tag
    return response.headers.get("Last-Modified")


def _first_byte(response: http.client.HTTPResponse) -> int:
    span = response.headers.get("Content-Range", "")
    start = span.removeprefix("bytes ").partition("-")[0]
    return int(start) if start.isdigit() else -1


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _forget(part: Path) -> None:
    for path in (part, part.with_name(part.name + ".version")):
        path.unlink(missing_ok=True)
