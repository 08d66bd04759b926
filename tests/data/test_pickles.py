"""What is converted, checked against what pickle, numpy and torch themselves read."""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from mtlbench.data.errors import UnsafePickle
from mtlbench.data.pickles import convert, read

PLAIN = {
    "ids": ["2008_000008", "münster", ""],
    "numbers": [0, -1, 255, 70000, 2**40, -(2**70), 0.5, float("inf"), True, False, None],
    "nested": {"a": [[], {}, [[1]]], "b": ("x", ("y",), (1, 2, 3, 4))},
    7: "seven",
}
ARRAYS = {
    "floats": np.arange(6, dtype=np.float32).reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big endian": np.arange(3, dtype=">i4"),
    "booleans": np.array([True, False]),
    "strings": np.array(["a", "bcd"]),
    "empty": np.zeros((0, 3), np.int64),
    "scalar": np.float64(1.5),
    "word": np.str_("2008_000008"),
}


def as_lists(value):
    """Return what a conversion makes of tuples and scalars."""
    if isinstance(value, dict):
        return {key: as_lists(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_lists(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def dump(path: Path, value, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(value, protocol))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_of_every_protocol_is_read(tmp_path, protocol):
    shared = ["shared"]
    data = {**PLAIN, "twice": [shared, shared], "ordered": OrderedDict(a=1, b=[2])}
    assert read(dump(tmp_path / "a.pkl", data, protocol)) == as_lists(data)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_every_protocol_are_read(tmp_path, protocol, name):
    found, array = read(dump(tmp_path / "a.pkl", [ARRAYS[name]], protocol))[0], ARRAYS[name]
    if array.ndim == 0:
        assert found == array.item() and type(found) is type(array.item())
    else:
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


def test_numpy_s_own_files_are_read(tmp_path):
    draws = {"semseg": [np.str_("2008_000015")], "edge": [np.str_("2008_000021"), np.str_("2008_000026")]}
    np.save(tmp_path / "draws.npy", draws, allow_pickle=True)
    assert read(tmp_path / "draws.npy") == np.load(tmp_path / "draws.npy", allow_pickle=True).item() == draws
    grid = np.array([[1, "a"], [None, [2.5]]], dtype=object)
    np.save(tmp_path / "grid.npy", grid, allow_pickle=True)
    assert read(tmp_path / "grid.npy") == grid.tolist()
    np.save(tmp_path / "plain.npy", ARRAYS["floats"])
    np.testing.assert_array_equal(read(tmp_path / "plain.npy"), ARRAYS["floats"])


@pytest.mark.parametrize("zipped", [True, False])
def test_what_torch_saved_is_read_as_torch_reads_it(tmp_path, zipped):
    base = torch.arange(24.0).reshape(2, 3, 4)
    saved = {
        "labels_weights": torch.rand(795, 3),
        "views": [base[1], base.transpose(0, 2), base[:, ::2, 1:3], base.reshape(-1)[5]],
        "types": [torch.arange(3).to(kind) for kind in (
            torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.float64, torch.float16,
            torch.bool)],
        "empty": torch.zeros(0, 3),
        "text": OrderedDict(note="x"),
    }  # fmt: skip
    torch.save(saved, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    expected, found = torch.load(tmp_path / "a.pth", weights_only=True), read(tmp_path / "a.pth")
    assert found["text"] == {"note": "x"} and list(found) == list(saved)
    pairs = [(expected[key], found[key]) for key in ("labels_weights", "empty")]
    for key in ("views", "types"):
        pairs += zip(expected[key], found[key], strict=True)
    for theirs, ours in pairs:
        assert ours.dtype == theirs.numpy().dtype
        np.testing.assert_array_equal(ours, theirs.numpy())


def test_each_format_holds_what_the_pickle_did(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    torch.save({"w": torch.from_numpy(array), "v": torch.ones(1)}, tmp_path / "a.pth")
    assert convert(tmp_path / "a.pth", tmp_path / "a.json") == "a dict of w, v"
    assert json.loads((tmp_path / "a.json").read_text()) == {"w": array.tolist(), "v": [1.0]}
    convert(tmp_path / "a.pth", tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert sorted(stored) == ["v", "w"]
        np.testing.assert_array_equal(stored["w"], array)
    assert convert(dump(tmp_path / "b.pkl", array), tmp_path / "b.npy") == "an array of float32 (2, 3)"
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy", allow_pickle=False), array)
    assert convert(dump(tmp_path / "c.pkl", {3: [1], "x": None}), tmp_path / "c.json") == "a dict of 3, x"
    assert json.loads((tmp_path / "c.json").read_text()) == {"3": [1], "x": None}
    assert not [*tmp_path.glob("*.part")]


@pytest.mark.parametrize(
    ("value", "name", "message"),
    [
        ([1], "a.txt", r"a.txt is in no format to convert to; name a file that ends in .json"),
        ([1], "a.npy", r"holds a list of 1 entries, which is nothing for .npy \(it is no array\)"),
        ({"a": 1}, "a.npz", r"holds a dict of a, which is nothing for .npz \(it is no dict of arrays\)"),
        ({"../a": np.ones(2)}, "a.npz", r"a key of it is no file name"),
        ({1: 0, "1": 0}, "a.json", r"two of its keys are written alike"),
        ([float("nan")], "a.json", r"nothing for .json .*not JSON compliant"),
        ({"a": np.ones(1, np.complex64)}, "a.json", r"nothing for .json .*complex is not JSON serializable"),
        ([1], "source.pkl", r"source.pkl exists; remove it or name another file"),
        ([1], "nowhere/a.json", r"a.json cannot be written .*name another place"),
    ],
)
def test_what_does_not_fit_the_format_says_what_to_do(tmp_path, value, name, message):
    source = dump(tmp_path / "source.pkl", value)
    with pytest.raises(UnsafePickle, match=message):
        convert(source, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["source.pkl"]


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(UnsafePickle, match=r"absent.pkl cannot be read .*check the path"):
        read(tmp_path / "absent.pkl")
