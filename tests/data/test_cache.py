from __future__ import annotations

import errno
import logging
import multiprocessing
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mtlbench.data import arrays
from mtlbench.data.cache import cache_root, open_cache
from mtlbench.data.errors import CacheError

LENGTH = 40


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MTLBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def make(index: int, journal: Path | None = None) -> dict[str, np.ndarray]:
    if journal is not None:
        with open(journal, "a") as stream:
            stream.write(f"{index}\n")
    rng = np.random.default_rng(index)
    return {"image": rng.integers(0, 256, (4, 5, 3), dtype=np.uint8), "depth": rng.random((4, 5), np.float32)}


def assert_right(cache: dict[str, np.ndarray]) -> None:
    for index in range(LENGTH):
        for key, array in make(index).items():
            np.testing.assert_array_equal(cache[key][index], array)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_cache_returns_what_was_produced_and_is_built_once(tmp_path, processes):
    produce = partial(make, journal=tmp_path / "journal")
    for _ in range(2):
        assert_right(open_cache("rooms", "f00d", LENGTH, produce, processes))
    made = (tmp_path / "journal").read_text().split()
    assert sorted(map(int, made)) == list(range(LENGTH))


def test_arrays_are_read_only():
    cache = open_cache("rooms", "f00d", LENGTH, make, 1)
    with pytest.raises(ValueError, match="read-only"):
        cache["image"][0] = 0


def _build(journal: Path) -> None:
    assert_right(open_cache("rooms", "f00d", LENGTH, partial(make, journal=journal), 1))


def test_two_processes_at_once_build_one_valid_cache(tmp_path):
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    both = [context.Process(target=_build, args=(tmp_path / "journal",)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert len((tmp_path / "journal").read_text().split()) == LENGTH


def truncate(folder: Path) -> None:
    os.truncate(folder / "depth.bin", 100)


def flip_a_bit(folder: Path) -> None:
    data = bytearray((folder / "image.bin").read_bytes())
    data[77] ^= 1
    (folder / "image.bin").write_bytes(data)


def lose_a_file(folder: Path) -> None:
    (folder / "image.bin").unlink()


def lose_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def garble_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"depth": 3')


@pytest.mark.parametrize(
    "damage", [truncate, flip_a_bit, lose_a_file, lose_the_manifest, garble_the_manifest]
)
def test_damage_is_found_and_mended_with_one_warning(root, caplog, damage):
    open_cache("rooms", "f00d", LENGTH, make, 1)
    damage(root / "rooms" / "f00d")
    with caplog.at_level(logging.WARNING, "mtlbench"):
        assert_right(open_cache("rooms", "f00d", LENGTH, make, 1))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "is damaged" in caplog.text and "\n" not in caplog.records[0].getMessage()


class FullDisk:
    """Behave as a file on a disk with room for `left` more bytes."""

    def __init__(self, stream, left: int) -> None:
        self.stream, self.left = stream, left

    def write(self, data: bytes) -> int:
        self.left -= len(data)
        if self.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.stream.write(data)

    def __getattr__(self, name: str):
        return getattr(self.stream, name)


def test_a_full_disk_is_one_clear_error_and_leaves_nothing_behind(root, monkeypatch):
    monkeypatch.setattr(arrays, "open", lambda *args: FullDisk(open(*args), 200), raising=False)  # noqa: SIM115
    with pytest.raises(CacheError, match="the disk is full; make room, or set MTLBENCH_CACHE"):
        open_cache("rooms", "f00d", LENGTH, make, 1)
    assert [path.name for path in (root / "rooms").iterdir() if path.is_dir()] == []


def test_an_error_of_the_producer_passes_and_leaves_nothing_behind(root):
    with pytest.raises(ZeroDivisionError):
        open_cache("rooms", "f00d", LENGTH, lambda index: make(index) if index < 3 else 1 / 0, 1)
    assert not any(path.is_dir() for path in (root / "rooms").iterdir())


def test_remains_of_a_killed_build_are_removed(root):
    (root / "rooms" / "f00d.tmp-1").mkdir(parents=True)
    open_cache("rooms", "f00d", LENGTH, make, 1)
    assert {path.name for path in (root / "rooms").iterdir() if path.is_dir()} == {"f00d"}


def test_records_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"record 1 is .*\(2,\), not .*\(1,\)"):
        open_cache("rooms", "f00d", 2, lambda index: {"a": np.zeros(index + 1)}, 1)


def test_without_a_writable_home_a_temporary_folder_is_used_with_a_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.delenv("MTLBENCH_CACHE")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with caplog.at_level(logging.WARNING, "mtlbench"):
        assert cache_root().parent == tmp_path
    assert "Set MTLBENCH_CACHE" in caplog.text


def test_a_cache_folder_that_was_asked_for_and_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MTLBENCH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(CacheError, match="set MTLBENCH_CACHE to one that can"):
        cache_root()
