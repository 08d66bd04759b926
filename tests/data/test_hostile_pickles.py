"""Nothing that a pickle asks for is done, and none costs more than its size."""

from __future__ import annotations

import builtins
import copyreg
import functools
import io
import operator
import os
import pickle
import subprocess
import tracemalloc
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from mtlbench.data.errors import UnsafePickle
from mtlbench.data.pickles import read

MARK = "exploded"


class Call:
    """Pickle as a call of whatever is given."""

    def __init__(self, function, *arguments) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class State:
    """Pickle as an object whose state is set on loading."""

    def __setstate__(self, state) -> None:
        Path(MARK).touch()


def stateful() -> State:
    made = State()
    made.x = 1
    return made


class Subclass(np.ndarray):
    """Pickle as an array of a class of its own."""


CALLS = {
    "posix.system": Call(os.system, f"touch {MARK}"),
    "builtins.eval": Call(eval, f"open({MARK!r}, 'w')"),
    "builtins.exec": Call(exec, f"open({MARK!r}, 'w')"),
    "builtins.getattr": Call(getattr, "text", "upper"),
    "builtins.__import__": Call(builtins.__import__, "os"),
    "subprocess.Popen": Call(subprocess.Popen, ["touch", MARK]),
    "operator.attrgetter": Call(operator.attrgetter, "system"),
    "functools.partial": functools.partial(os.system, f"touch {MARK}"),
    "collections.Counter": Counter("ab"),
    "test_hostile_pickles.State": stateful(),
    "pathlib.PosixPath": Path("x"),
    "numpy.load": Call(np.load, "x.npy"),
    "torch.load": Call(torch.load, "x.pth"),
    "builtins.set": {1},
    "builtins.complex": 1j,
    "builtins.bytearray": bytearray(b"x"),
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert not Path(MARK).exists()


def write(content: bytes, name: str = "a.pkl") -> Path:
    Path(name).write_bytes(content)
    return Path(name)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", CALLS)
def test_what_a_pickle_calls_is_not_called(name, protocol):
    try:
        content = pickle.dumps({"a": CALLS[name]}, protocol)
    except (pickle.PicklingError, AttributeError):  # the import mode of the tests hides this module
        pytest.skip("cannot be pickled here")
    if name in ("builtins.set", "builtins.bytearray") and protocol >= 4:
        pytest.skip("has an opcode of its own")
    with pytest.raises(UnsafePickle, match=r"a.pkl (asks for|uses) .*nothing of the file was executed"):
        read(write(content))


def test_the_bombs_are_real():
    pickle.loads(pickle.dumps(CALLS["posix.system"]))
    assert Path(MARK).exists()
    Path(MARK).unlink()


WRAPPERS = {
    "numpy": lambda bomb: (
        np.save("a.npy", np.array([bomb], dtype=object), allow_pickle=True) or Path("a.npy")
    ),
    "torch": lambda bomb: torch.save({"a": bomb}, "a.pth") or Path("a.pth"),
    "old torch": lambda bomb: (
        torch.save([bomb], "a.pth", _use_new_zipfile_serialization=False) or Path("a.pth")
    ),
    "ordered": lambda bomb: write(pickle.dumps(OrderedDict(a=[bomb]))),
}


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_bombs_are_found_in_every_kind_of_file(wrap):
    with pytest.raises(UnsafePickle, match=r"asks for posix.system. Only arrays"):
        read(WRAPPERS[wrap](Call(os.system, f"touch {MARK}")))


def test_registered_extensions_are_refused():
    copyreg.add_extension("os", "system", 240)
    try:
        with pytest.raises(UnsafePickle, match="uses EXT1 at byte 2"):
            read(write(b"\x80\x02\x82\xf0\x8c\x04true\x85R."))
    finally:
        copyreg.remove_extension("os", "system", 240)


U8 = b"cnumpy\ndtype\n(X\x02\x00\x00\x00u1I00\nI01\ntR"
NDARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\x01btR"
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"
HOSTILE = {
    "a chain of names": (b"cos\nsystem.__call__\n.", "asks for os.system.__call__"),
    "a name in a name": (b"\x80\x04\x8c\x05numpy\x8c\x0bdtype.mro.x\x93.", "asks for numpy.dtype.mro.x"),
    "a name of numbers": (b"\x80\x04K\x01K\x02\x93.", "is damaged"),
    "an instance": (b"(ios\nsystem\n.", "uses INST"),
    "an object": (b"(cnumpy\ndtype\no.", "uses OBJ"),
    "a new object": (b"\x80\x02cnumpy\ndtype\n)\x81.", "uses NEWOBJ"),
    "a text id": (b"Pstorage\n.", "uses PERSID"),
    "a foreign id": (b"\x80\x02X\x01\x00\x00\x00aQ.", "is damaged"),
    "an id of another kind": (
        b"(X\x06\x00\x00\x00modulectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuI1\ntQ.",
        "another kind"),
    "a buffer from elsewhere": (b"\x80\x05\x97.", "uses NEXT_BUFFER"),
    "a call of a class": (b"cnumpy\nndarray\n(I9\ntR.", "calls numpy.ndarray"),
    "a call of data": (b"X\x01\x00\x00\x00a)R.", "is damaged"),
    "a bare name": (b"cnumpy\nndarray\n.", "holds a name"),
    "state of a dict": (b"}}b.", "is damaged"),
    "an array of a subclass": (NDARRAY.replace(b"ndarray", b"dtype") + b".", "a class of its own"),
    "an array without content": (NDARRAY + b".", "an array has no content"),
    "an array too large for its bytes": (
        NDARRAY + b"(I1\n(I99999999999\nt" + U8 + b"I00\nC\x01xtb.", "another size than its shape"),
    "an array of negative size": (NDARRAY + b"(I1\n(I-1\nt" + U8 + b"I00\nC\x01xtb.", "a size is negative"),
    "an array of many axes": (NDARRAY + b"(I1\n(" + b"I1\n" * 40 + b"t" + U8 + b"I00\nC\x01xtb.", "32 axes"),
    "a type of fields": (b"cnumpy\ndtype\n(X\x05\x00\x00\x00i4,i4I00\nI01\ntR.", "the type 'i4,i4'"),
    "a type of no size": (
        NDARRAY + b"(I1\n(I9999999999\nt" + U8.replace(b"u1", b"U0") + b"I00\nC\x00tb.", "no size"),
    "a huge type": (
        NDARRAY + b"(I1\n(I1\nt" + U8.replace(b"\x02\x00\x00\x00u1", b"\x0a\x00\x00\x00U999999999")
        + b"I00\nC\x01xtb.", "is damaged"),
    "a tensor without storage": (TENSOR + b"(I0\nI0\n(t(ttR.", "is damaged"),
    "a huge place in the memo": (b"\x80\x02]r\xff\xff\xff\x7f.", None),
    "an absent place in the memo": (b"\x80\x02h\x09.", "is damaged"),
    "a huge string": (b"\x80\x04\x8d\x00\x00\x00\x00\x00\x01\x00\x00x.", "is damaged"),
    "huge bytes": (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7fx.", "is damaged"),
    "a huge array of bytes": (b"\x80\x05\x96\x00\x00\x00\x00\x00\x01\x00\x00x.", "is damaged"),
    "a huge number": (b"\x80\x02\x8b\xff\xff\xff\x7fx.", "is damaged"),
    "a number of many digits": (b"I" + b"9" * 100_000 + b"\n.", "is damaged"),
    "a huge frame": (b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.", None),
    "an unknown protocol": (b"\x80\xffN.", None),
    "a list in itself": (b"]q\x00h\x00a.", "nests more than 64"),
    "deep lists": (b"]" * 5000 + b"a" * 4999 + b".", "nests more than 64"),
    "deep tuples": (b")" + b"\x85" * 5000 + b".", "nests more than 64"),
    "a list as key": (b"}(]Nu.", "is damaged"),
    "half an entry": (b"}(Nu.", "is damaged"),
    "an empty stack": (b"a.", "is damaged"),
    "no mark": (b"Nt.", "is damaged"),
    "no end": (b"N", "is damaged"),
    "nothing": (b"", "is damaged"),
    "text": (b"hello", "is damaged"),
    "more after the end": (b"N.cos\nsystem\n.", r"holds 12 bytes after its end"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_each_hostile_pickle_is_refused_at_little_cost(name):
    content, message = HOSTILE[name]
    path = write(content)
    tracemalloc.start()
    try:
        if message is None:  # harmless once nothing is reserved for it
            read(path)
        else:
            with pytest.raises(UnsafePickle, match=message):
                read(path)
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()


def doubling(levels: int) -> bytes:
    """Return a pickle of lists that hold the one before twice."""
    parts = [b"]q\x00"]
    for level in range(levels):
        parts.append(
            b"]r" + (level + 1).to_bytes(4, "little") + b"(" + (b"j" + level.to_bytes(4, "little")) * 2 + b"e"
        )
    return b"".join(parts) + b"."


def test_shared_lists_are_not_expanded_without_limit():
    assert len(read(write(doubling(10)))) == 2
    with pytest.raises(UnsafePickle, match="describes far more than it is large itself"):
        read(write(doubling(60)))


def test_tensors_stay_inside_their_storage_and_size():
    def spoil(old: bytes, new: bytes) -> Path:
        content = pickled.replace(old, new)
        assert content != pickled and len(content) == len(pickled)
        return write(content)

    stream = io.BytesIO()
    torch.save(torch.arange(6.0).reshape(2, 3), stream, _use_new_zipfile_serialization=False)
    pickled = stream.getvalue()
    assert read(write(pickled)).shape == (2, 3)
    shape_and_stride = b"K\x02K\x03\x86q\x06K\x03K\x01\x86"
    for old, new, message in (
        (shape_and_stride, b"K\x02K\x09\x86q\x06K\x03K\x01\x86", "larger than its storage"),
        (shape_and_stride, b"K\x02K\x03\x86q\x06K\x09K\x01\x86", "reaches beyond its storage"),
        (b"K\x06Nt", b"K\x07Nt", "another size than it says"),
        (b"torch\nFloatStorage", b"torch\nMorphStorage", "asks for torch.MorphStorage"),
    ):
        with pytest.raises(UnsafePickle, match=message):
            read(spoil(old, new))


def test_archives_that_torch_does_not_write_are_refused():
    torch.save([torch.zeros(300_000)], "a.pth")
    with zipfile.ZipFile("a.pth") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    cases = {
        "compressed": (files, zipfile.ZIP_DEFLATED, "is compressed"),
        "without a storage": ({n: f for n, f in files.items() if "data/" not in n}, zipfile.ZIP_STORED,
                              "is damaged"),
        "with a short storage": ({n: f[:100] for n, f in files.items()}, zipfile.ZIP_STORED, "is damaged"),
        "big endian": ({n: b"big" if n.endswith("byteorder") else f for n, f in files.items()},
                       zipfile.ZIP_STORED, "little-endian"),
        "of two pickles": ({**files, "b/data.pkl": b"N."}, zipfile.ZIP_STORED, "with 2 files data.pkl"),
        "of none": ({"a": b""}, zipfile.ZIP_STORED, "with 0 files data.pkl"),
    }  # fmt: skip
    for content, compression, message in cases.values():
        with zipfile.ZipFile("b.pth", "w", compression) as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        with pytest.raises(UnsafePickle, match=message):
            read(Path("b.pth"))


def samples() -> dict[str, bytes]:
    """Return small files of every kind."""
    data = {"a": [np.arange(4.0), np.str_("x")], "b": {"c": (1, None)}}
    torch.save({"w": torch.ones(2, 2)}, "zip.pth")
    torch.save({"w": torch.ones(2, 2)}, "old.pth", _use_new_zipfile_serialization=False)
    np.save("a.npy", np.array(data, dtype=object), allow_pickle=True)
    Path("a.pkl").write_bytes(pickle.dumps(data, 2))
    return {path.name: path.read_bytes() for path in sorted(Path().iterdir())}


def test_cut_and_garbled_files_are_refused_or_read_but_never_break():
    rng = np.random.default_rng(0)
    refused = 0
    for name, content in samples().items():
        for length in range(0, len(content), max(1, len(content) // 40)):
            with pytest.raises(UnsafePickle):
                read(write(content[:length], name))
        for _ in range(150):
            garbled = bytearray(content)
            for place in rng.integers(len(content), size=rng.integers(1, 4)):
                garbled[place] = rng.integers(256)
            try:
                read(write(bytes(garbled), name))
            except UnsafePickle:
                refused += 1
    assert refused > 150
