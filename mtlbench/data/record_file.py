"""Keep one array in one file that is whole or absent, and that notices damage."""

from __future__ import annotations

import json
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from mtlbench.data.encodings import decode, encode

_START = 8  # bytes of checksum and length of the header, as two little-endian integers
_ALIGN = 64

Stamp = dict[str, Any]


class DamagedRecord(Exception):
    """Say what is wrong with a record; its reader makes it anew."""


def write_record(path: Path, array: np.ndarray | None, stamp: Stamp) -> int:
    """Write an array, or that there is none, beside what it was made from; return the bytes written.

    The file is written aside and renamed, so that whoever reads `path`, or is killed here, meets it whole or
    not at all, and of two processes that write the same record either may win.

    Raises:
        OSError: the file cannot be written; nothing is left of it.
    """
    encoding, stored = ("absent", np.empty(0)) if array is None else encode(np.ascontiguousarray(array))
    about = {"stamp": stamp, "encoding": encoding, "dtype": stored.dtype.str, "shape": stored.shape}
    header = json.dumps(about).encode()
    header += b" " * (-(_START + len(header)) % _ALIGN)
    head = len(header).to_bytes(4, "little") + header
    checksum = zlib.crc32(stored.data, zlib.crc32(head))
    aside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(aside, "wb") as stream:
            stream.write(checksum.to_bytes(4, "little") + head)
            stream.write(stored.data)
        os.replace(aside, path)
    except OSError:
        with suppress(OSError):
            aside.unlink()
        raise
    return _START + len(header) + stored.nbytes


def read_record(path: Path, verify_before: int) -> tuple[Stamp, np.ndarray | None]:
    """Return what an array was made from, and the array, mapped into memory; changing it changes no file.

    Args:
        path: of the record.
        verify_before: time, in nanoseconds since 1970; a file that was written earlier is compared with its
            checksum, for which all of it is read.

    Raises:
        FileNotFoundError: there is no such record.
        DamagedRecord: the file is cut short, or differs from what was written.
    """
    import torch  # here, because a missing dataset is said before torch is imported

    status = path.stat()
    size = status.st_size
    if size < _START:
        raise DamagedRecord(f"{path} has only {size} bytes")
    # torch's map rather than numpy's, which keeps a file open per array
    data = torch.from_file(os.fspath(path), shared=False, size=size, dtype=torch.uint8).numpy()
    checksum, length = (int.from_bytes(data[at : at + 4].tobytes(), "little") for at in (0, 4))
    if status.st_mtime_ns < verify_before and zlib.crc32(data[4:].data) != checksum:
        raise DamagedRecord(f"{path} has another checksum than it was written with")
    try:
        about = json.loads(data[_START : _START + length].tobytes())
        stored = data[_START + length :].view(about["dtype"]).reshape(about["shape"])
        array = None if about["encoding"] == "absent" else decode(about["encoding"], stored)
        return about["stamp"], array
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedRecord(f"{path} does not hold a record ({error})") from error
