"""Turn pickles that come from strangers into files that hold nothing but data.

Nothing of a pickle is executed, see `mtlbench.data.unpickle`.
"""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mtlbench.data.errors import UnsafePickle
from mtlbench.data.pickled import Storage
from mtlbench.data.resolve import Resolver
from mtlbench.data.unpickle import unpickle

_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_TORCH_PROTOCOL = 1001
_FORMATS = ".json (anything), .npy (one array) or .npz (a dict of arrays)"


def convert(source: Path, destination: Path) -> str:
    """Write what a pickle holds to a safe file, and say what that is.

    Args:
        source: a pickle (`.pkl`), an array of objects (`.npy`), or what torch saved (`.pt`, `.pth`, in either
            format).
        destination: `.json` for anything, with arrays as lists; `.npy` for an array; `.npz` for a dict of
            arrays. Must not exist.

    Raises:
        UnsafePickle: `source` cannot be read, holds more than arrays, tensors, dicts, lists, strings and
            numbers, or is damaged; it does not fit the format of `destination`, or that exists.
    """
    if destination.exists():
        raise UnsafePickle(f"{destination} exists; remove it or name another file.")
    if destination.suffix not in _WRITERS:
        raise UnsafePickle(
            f"{destination} is in no format to convert to; name a file that ends in {_FORMATS}."
        )
    data = read(source)
    try:
        content = _WRITERS[destination.suffix](data)
    except (TypeError, ValueError) as error:
        raise UnsafePickle(
            f"{source} holds {describe(data)}, which is nothing for {destination.suffix} ({error}); name a "
            f"file that ends in {_FORMATS}."
        ) from error
    aside = destination.with_name(destination.name + ".part")
    try:
        aside.write_bytes(content)
        aside.replace(destination)
    except OSError as error:
        raise UnsafePickle(
            f"{destination} cannot be written ({error.strerror}); name another place."
        ) from error
    return describe(data)


def read(path: Path) -> Any:
    """Return what a pickle holds, as dicts, lists, strings, numbers, None and numpy arrays.

    Raises:
        UnsafePickle: as in `convert`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnsafePickle(f"{path} cannot be read ({error.strerror}); check the path.") from error
    try:
        if content.startswith(b"PK\x03\x04"):
            return _read_torch_zip(content)
        stream = io.BytesIO(content)
        read_one = _read_npy if content.startswith(np.lib.format.MAGIC_PREFIX) else _read_stream
        data = read_one(stream, len(content))
        if stream.tell() < len(content):
            raise UnsafePickle(f"holds {len(content) - stream.tell()} bytes after its end")
        return data
    except UnsafePickle as error:
        raise UnsafePickle(
            f"{path} {error}. Only arrays, tensors, dicts, lists, strings and numbers are converted; nothing "
            "of the file was executed. Fetch it again if it is damaged, or ask for another format."
        ) from error


def describe(data: Any) -> str:
    """Say in a few words what `read` returned."""
    if isinstance(data, np.ndarray):
        return f"an array of {data.dtype} {data.shape}"
    if isinstance(data, dict):
        return f"a dict of {', '.join(map(str, list(data)[:5]))}{', ...' if len(data) > 5 else ''}"
    return f"a list of {len(data)} entries" if isinstance(data, list) else f"a {type(data).__name__}"


def _read_npy(stream: io.BytesIO, size: int) -> Any:
    """Read an array of objects, or of anything."""
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        shape, _, dtype = read_header[np.lib.format.read_magic(stream)](stream)
        if not dtype.hasobject:
            if math.prod(shape) * dtype.itemsize > size:  # before numpy makes room for it
                raise ValueError("it is shorter than its shape says")
            stream.seek(0)
            return np.lib.format.read_array(stream, allow_pickle=False)
    except Exception as error:  # numpy parses headers as Python, which can fail in any way
        raise UnsafePickle(f"is damaged ({type(error).__name__}: {error})") from error
    return Resolver(size).resolve(unpickle(stream))


def _read_stream(stream: io.BytesIO, size: int) -> Any:
    """Read a plain pickle, or the several that torch wrote before version 1.6, followed by storages."""
    first = unpickle(stream)
    if first != _TORCH_MAGIC:
        return Resolver(size).resolve(first)
    if unpickle(stream) != _TORCH_PROTOCOL:
        raise UnsafePickle("is of an unknown version of torch's format")
    system = unpickle(stream)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise UnsafePickle("was not written on a little-endian machine")
    storages: dict[str, Storage] = {}
    data = unpickle(stream, storages)
    contents: dict[str, bytes] = {}
    keys = unpickle(stream)
    if not isinstance(keys, list) or any(key not in storages for key in map(str, keys)):
        raise UnsafePickle("is damaged (it lists other storages than its tensors lie in)")
    for key in map(str, keys):
        width = np.dtype(storages[key].dtype.code).itemsize
        contents[key] = stream.read(min(int.from_bytes(stream.read(8), "little") * width, size))
    return Resolver(size, lambda storage: contents[storage.key]).resolve(data)


def _read_torch_zip(content: bytes) -> Any:
    """Read what torch saves since version 1.6: an archive of a pickle and storages."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            if len(pickles) != 1:
                raise UnsafePickle(
                    f"is an archive with {len(pickles)} files data.pkl, so not what torch saves"
                )
            top = pickles[0].removesuffix("data.pkl")

            def member(name: str) -> bytes:
                info = archive.getinfo(top + name)
                if info.compress_type != zipfile.ZIP_STORED:
                    raise UnsafePickle("is compressed, which torch's own files are not")
                return archive.read(info)

            if top + "byteorder" in archive.namelist() and member("byteorder") != b"little":
                raise UnsafePickle("was not written on a little-endian machine")
            described = unpickle(io.BytesIO(member("data.pkl")))
            return Resolver(len(content), lambda storage: member(f"data/{storage.key}")).resolve(described)
    except UnsafePickle:
        raise
    except Exception as error:  # zipfile takes damage in many ways
        raise UnsafePickle(f"is damaged ({type(error).__name__}: {error})") from error


def _write_json(data: Any) -> bytes:
    return (json.dumps(_plain(data), allow_nan=False) + "\n").encode()


def _plain(data: Any) -> Any:
    if isinstance(data, np.ndarray):
        return data.tolist()
    if isinstance(data, dict):
        if len({str(key) for key in data}) < len(data):
            raise ValueError("two of its keys are written alike")
        return {str(key): _plain(value) for key, value in data.items()}
    return [_plain(item) for item in data] if isinstance(data, list) else data


def _write_npy(data: Any) -> bytes:
    if not isinstance(data, np.ndarray):
        raise TypeError("it is no array")
    stream = io.BytesIO()
    np.save(stream, data, allow_pickle=False)
    return stream.getvalue()


def _write_npz(data: Any) -> bytes:
    if not isinstance(data, dict) or not all(isinstance(value, np.ndarray) for value in data.values()):
        raise TypeError("it is no dict of arrays")
    if not all(re.fullmatch(r"\w[\w.-]*", str(key)) for key in data):
        raise ValueError("a key of it is no file name")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for key, array in data.items():
            archive.writestr(f"{key}.npy", _write_npy(array))
    return stream.getvalue()


_WRITERS: dict[str, Callable[[Any], bytes]] = {".json": _write_json, ".npy": _write_npy, ".npz": _write_npz}
