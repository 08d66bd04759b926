"""Unpack archives that come from strangers."""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from mtlbench.data.errors import UnsafeArchive


class _Member(NamedTuple):
    name: str
    is_folder: bool
    is_file: bool
    open: Callable[[], IO[bytes] | None]


def extract(
    archive: Path, destination: Path, max_bytes: int = 64 * 2**30, max_files: int = 1_000_000
) -> None:
    """Unpack a tar or zip archive into the new folder `destination`, whole or not at all.

    A single folder that holds everything is stripped. Only plain files and folders are accepted.

    Args:
        archive: what to unpack.
        destination: folder to create; absent or empty.
        max_bytes: of all unpacked files together, counted while they are written.
        max_files: number of members.

    Raises:
        UnsafeArchive: a member leads out of `destination`, is a link or a device, or a limit is exceeded;
            the file is no archive, or is cut short; `destination` holds something.
    """
    if destination.exists() and any(destination.iterdir()):
        raise UnsafeArchive(f"{destination} is not empty; remove it or name another folder.")
    aside = destination.with_name(destination.name + ".unpacking")
    shutil.rmtree(aside, ignore_errors=True)  # of an attempt that was killed
    try:
        aside.mkdir(parents=True)
        _unpack(archive, aside, max_bytes, max_files)
        inner = list(aside.iterdir())
        source = inner[0] if len(inner) == 1 and inner[0].is_dir() else aside
        if destination.exists():
            destination.rmdir()
        source.rename(destination)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError) as error:
        raise UnsafeArchive(
            f"{archive} cannot be unpacked ({error}); if it is damaged, delete it and fetch it again."
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _unpack(archive: Path, root: Path, max_bytes: int, max_files: int) -> None:
    left = max_bytes
    with _members(archive) as members:
        for number, member in enumerate(members, start=1):
            if number > max_files:
                raise UnsafeArchive(f"{archive} holds more than {max_files} members; nothing was unpacked.")
            if member.is_folder and member.name == "/":  # Dropbox lists the shared folder itself like this
                continue
            target = root / _inside(archive, member)
            if member.is_folder:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            stream = member.open()
            assert stream is not None  # a plain file has content
            with stream, open(target, "wb") as copy:
                while data := stream.read(2**20):
                    left -= len(data)
                    if left < 0:
                        raise UnsafeArchive(
                            f"{archive} unpacks to more than {max_bytes} bytes; nothing was unpacked."
                        )
                    copy.write(data)


def _inside(archive: Path, member: _Member) -> PurePosixPath:
    path = PurePosixPath(member.name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in member.name or "\0" in member.name:
        raise UnsafeArchive(f"{archive} holds {member.name!r}, which leads elsewhere; nothing was unpacked.")
    if not (member.is_file or member.is_folder):
        raise UnsafeArchive(f"{archive} holds the link or device {member.name!r}; nothing was unpacked.")
    return path


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Member]]:
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            yield (_tar_member(tar, info) for info in tar)
    else:
        with zipfile.ZipFile(archive) as opened:
            yield (_zip_member(opened, info) for info in opened.infolist())


def _zip_member(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the archive was not written on Unix
    plain = kind in (0, stat.S_IFREG) and not info.is_dir()
    return _Member(info.filename, info.is_dir(), plain, lambda: opened.open(info))


def _tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    return _Member(info.name, info.isdir(), info.isreg(), lambda: tar.extractfile(info))
