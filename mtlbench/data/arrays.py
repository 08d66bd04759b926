"""Write an array to a file record by record, with its checksum."""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np


class ArrayFile:
    """Append records of one shape and type to a file of raw bytes.

    Plain writes rather than a memory map: on a full disk a write fails with an error, a map with a signal.
    """

    def __init__(self, path: Path, like: np.ndarray) -> None:
        self.shape, self.dtype = like.shape, like.dtype
        self.count = self.crc = 0
        self._stream = open(path, "wb")  # noqa: SIM115 - closed by `close` or `abandon`

    def append(self, record: np.ndarray) -> None:
        """Write one more record.

        Raises:
            ValueError: the record has another shape or type than the first.
        """
        if record.shape != self.shape or record.dtype != self.dtype:
            raise ValueError(
                f"record {self.count} is {record.dtype} {record.shape}, not {self.dtype} {self.shape}"
            )
        data = record.tobytes()
        self._stream.write(data)
        self.crc = zlib.crc32(data, self.crc)
        self.count += 1

    def close(self) -> dict[str, Any]:
        """Force the file to disk and return its entry of the manifest."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        size = self._stream.tell()
        self._stream.close()
        return {"shape": [self.count, *self.shape], "dtype": self.dtype.str, "bytes": size, "crc32": self.crc}

    def abandon(self) -> None:
        """Close the file as it is; without effect after `close`."""
        with suppress(OSError):  # what is still buffered finds no room either
            self._stream.close()


def checksum(path: Path) -> int:
    """Return the CRC-32 of a file."""
    crc = 0
    with open(path, "rb") as stream:
        while data := stream.read(2**20):
            crc = zlib.crc32(data, crc)
    return crc
