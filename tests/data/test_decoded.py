from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mtlbench.contracts.dataset import Dataset, Sample
from mtlbench.data import record_file
from mtlbench.data.decoded import Decoded, open_decoded
from mtlbench.data.errors import BadSample
from mtlbench.engine.loader import Loader

LENGTH = 6
TASKS = ("semseg", "depth", "normals")
UNLABELLED = 2


class Files(Dataset):
    """Read images of different sizes from arrays on disk, and note each reading in `journal`.

    Sample `UNLABELLED` has a file of depth, which holds nothing.
    """

    def __init__(self, root: Path, tasks: tuple[str, ...] = TASKS) -> None:
        self.root, self.tasks = root, tasks
        self.ids = tuple(f"img{index}" for index in range(LENGTH))
        if not root.exists():
            root.mkdir()
            for index in range(LENGTH):
                self.write(index)

    def write(self, index: int, seed: int = 0) -> None:
        rng, size = np.random.default_rng((seed, index)), (5 + index, 9 - index)
        normals = rng.normal(size=(*size, 3)).astype(np.float32)
        arrays = {
            "image": rng.integers(0, 256, (*size, 3), dtype=np.uint8),
            "semseg": rng.integers(0, 40, size, dtype=np.uint8),
            "depth": np.zeros(0) if index == UNLABELLED else rng.uniform(0, 9, size).astype(np.float32),
            "normals": normals / np.linalg.norm(normals, axis=2, keepdims=True),
        }
        for part, path in self.files(index).items():
            np.save(path, arrays[part])

    def files(self, index: int) -> dict[str, Path]:
        return {part: self.root / f"{part}{index}.npy" for part in ("image", *TASKS)}

    def __getitem__(self, index: int) -> Sample:
        files = self.files(index)
        with open(self.root / "journal", "a") as journal:
            journal.write(f"{index}\n")
        try:
            arrays = {part: np.load(files[part]) for part in ("image", *self.tasks)}
        except OSError as error:
            raise BadSample(f"{error.filename} is missing") from error
        labels = {task: arrays[task] for task in self.tasks if arrays[task].size}
        return {"id": self.ids[index], "image": arrays["image"], "labels": labels}

    def fingerprint(self) -> str:
        return "f00d"

    def readings(self) -> list[int]:
        """Return which samples were read since the last call, in order."""
        journal = self.root / "journal"
        if not journal.exists():
            return []
        lines = journal.read_text().split()
        journal.unlink()
        return sorted(map(int, lines))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MTLBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "files")


def assert_same(one: Sample, other: Sample) -> None:
    """Compare ids, types, shapes and bytes."""

    def content(sample: Sample) -> Any:
        arrays = {"image": sample["image"], **sample["labels"]}
        return sample["id"], {part: (a.dtype, a.shape, a.tobytes()) for part, a in arrays.items()}

    assert content(one) == content(other)


def assert_right(dataset: Dataset, files: Files) -> None:
    """Compare all samples with those of the files, without noting these readings."""
    before = files.readings()
    got = [dataset[index] for index in range(LENGTH)]
    reading = files.readings()
    for index in range(LENGTH):
        assert_same(got[index], files[index])
    files.readings()
    (files.root / "journal").write_text("".join(f"{index}\n" for index in (*before, *reading)))


def records(cache: Path) -> list[Path]:
    return sorted(path for path in (cache / "decoded").rglob("*") if path.is_file())


def test_samples_are_those_of_the_files_which_are_read_once(files):
    decoded = open_decoded(files, TASKS)
    for _ in range(2):
        assert_right(decoded, files)
    assert_right(open_decoded(files, TASKS), files)
    assert files.readings() == list(range(LENGTH))


def test_it_passes_for_the_dataset(files):
    decoded = open_decoded(files, TASKS)
    assert (decoded.ids, len(decoded), decoded.fingerprint()) == (files.ids, LENGTH, "f00d")


def test_changing_a_sample_changes_no_record(files):
    decoded = open_decoded(files, TASKS)
    for _ in range(2):
        for array in (decoded[0]["image"], *decoded[0]["labels"].values()):
            array[:] = 1
    assert_right(decoded, files)


def test_runs_with_other_tasks_share_what_they_have_in_common(files):
    assert_right(open_decoded(files, TASKS), files)
    files.readings()
    alone = Files(files.root, ("depth",))
    assert_right(open_decoded(alone, alone.tasks), alone)
    assert files.readings() == []


@pytest.mark.parametrize("written_first", [("depth",), TASKS])
def test_a_file_that_changed_is_read_again(files, written_first):
    first = Files(files.root, written_first)
    assert_right(open_decoded(first, first.tasks), first)
    decoded = open_decoded(files, TASKS)
    assert_right(decoded, files)
    files.readings()
    sizes = [path.stat().st_size for path in files.files(1).values()]
    files.write(1, seed=7)
    assert [path.stat().st_size for path in files.files(1).values()] == sizes
    assert_right(decoded, files)
    assert_right(decoded, files)
    assert files.readings() == [1]


def test_errors_are_those_of_the_dataset(files):
    decoded = open_decoded(files, TASKS)
    assert_right(decoded, files)
    files.files(3)["semseg"].unlink()
    with pytest.raises(BadSample, match=r"semseg3.npy is missing"):
        decoded[3]


@pytest.mark.parametrize("why", ["no files", "switched off", "not worth it"])
def test_what_is_not_to_be_kept_is_left_as_it_is(files, fake, monkeypatch, cache, why):
    dataset = fake()
    if why == "switched off":
        monkeypatch.setenv("MTLBENCH_DECODED", "off")
        dataset = files
    if why == "not worth it":
        files.keep_decoded = False
        dataset = files
    assert open_decoded(dataset, TASKS) is dataset
    assert not cache.exists()


def cut(path: Path, size: int) -> None:
    os.truncate(path, size)


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "empty": lambda path: cut(path, 0),
    "cut in its head": lambda path: cut(path, 30),
    "cut in its data": lambda path: cut(path, path.stat().st_size - 1),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "other length of its header": lambda path: flip(path, 5),
    "other header": lambda path: flip(path, 12),
    "other data": lambda path: flip(path, path.stat().st_size - 3),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found_and_mended_with_one_warning(files, cache, caplog, damage):
    assert_right(open_decoded(files, TASKS), files)
    files.readings()
    broken = records(cache)[3::5]
    for path in broken:
        damage(path)
    with caplog.at_level(logging.WARNING, "mtlbench"):
        assert_right(open_decoded(files, TASKS), files)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "made anew" in caplog.text and "\n" not in caplog.records[0].getMessage()
    assert files.readings() == sorted({int(path.name) for path in broken})
    assert_right(open_decoded(files, TASKS), files)
    assert files.readings() == []


def test_an_interrupted_writing_leaves_no_record(files, cache, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    decoded = open_decoded(files, TASKS)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(record_file.os, "replace", interrupt)
        decoded[0]
    assert [path.suffix for path in records(cache)] == [".tmp"]
    assert_right(open_decoded(files, TASKS), files)


def test_remains_of_killed_processes_are_removed_and_those_of_living_ones_are_not(files, cache):
    open_decoded(files, TASKS)
    folder = next((cache / "decoded").iterdir()) / "depth"
    old, new = folder / "0000000.1.tmp", folder / "0000000.2.tmp"
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (0, 0))
    open_decoded(files, TASKS)
    assert records(cache) == [new]


class FullDisk:
    """Behave as a file on a disk that fills up after some more bytes, counted over all such files."""

    left = 0

    def __init__(self, stream: Any, error: int) -> None:
        self.stream, self.error = stream, error

    def write(self, data: Any) -> int:
        size = self.stream.write(data)
        FullDisk.left -= size
        if FullDisk.left < 0:
            raise OSError(self.error, os.strerror(self.error))
        return size

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *error: object) -> None:
        self.stream.close()


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_on_a_full_disk_a_warning_is_given_once_and_files_are_read_on(
    files, cache, monkeypatch, caplog, error
):
    def on_full_disk(path: Path, mode: str) -> FullDisk:
        return FullDisk(open(path, mode), error)

    monkeypatch.setattr(record_file, "open", on_full_disk, raising=False)
    FullDisk.left = 2000
    decoded = open_decoded(files, TASKS)
    with caplog.at_level(logging.WARNING, "mtlbench"):
        for _ in range(2):
            assert_right(decoded, files)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "the disk is full" in caplog.text and "set MTLBENCH_CACHE" in caplog.text
    kept = records(cache)
    assert kept and not any(path.suffix for path in kept)
    first, second = np.array_split(files.readings(), 2)
    assert len(first) > len(kept) // 4 > 0 and len(second) > 0

    monkeypatch.undo()
    monkeypatch.setenv("MTLBENCH_CACHE", str(cache))
    assert_right(open_decoded(files, TASKS), files)  # there is room again
    assert len(records(cache)) == 4 * LENGTH


def test_what_would_fill_half_of_the_free_disk_is_not_begun(files, cache, monkeypatch, caplog):
    size = sum(array.nbytes for array in (files[0]["image"], *files[0]["labels"].values()))
    free = SimpleNamespace(free=2 * LENGTH * size)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    assert_right(open_decoded(files, TASKS), files)
    assert len(records(cache)) == 4 * LENGTH

    shutil.rmtree(cache)
    free.free -= 1
    with caplog.at_level(logging.WARNING, "mtlbench"):
        assert_right(open_decoded(files, TASKS), files)
    assert records(cache) == [] and len(caplog.records) == 1
    assert "they would take 0.0 GB of the 0.0 GB left" in caplog.text


def test_a_half_filled_cache_goes_on_where_only_the_rest_fits(files, cache, monkeypatch):
    decoded = open_decoded(files, TASKS)
    for index in range(LENGTH - 1):
        decoded[index]
    last = files[LENGTH - 1]
    size = sum(array.nbytes for array in (last["image"], *last["labels"].values()))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2 * size))
    open_decoded(files, TASKS)[LENGTH - 1]
    assert len(records(cache)) == 4 * LENGTH


def test_without_a_writable_place_a_warning_is_given_and_files_are_read(files, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MTLBENCH_CACHE", str(tmp_path / "file" / "cache"))
    with caplog.at_level(logging.WARNING, "mtlbench"):
        assert open_decoded(files, TASKS) is files
    assert len(caplog.records) == 1 and "set MTLBENCH_CACHE to one that can" in caplog.text


def test_in_a_read_only_place_what_is_there_is_used(files, cache, monkeypatch, caplog):
    decoded = open_decoded(files, TASKS)
    decoded[0], decoded[1]
    files.readings()

    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(record_file, "open", refuse, raising=False)
    with caplog.at_level(logging.WARNING, "mtlbench"):
        assert_right(open_decoded(files, TASKS), files)
    assert files.readings() == [2, 3, 4, 5]
    assert len(caplog.records) == 1 and "Permission denied" in caplog.text


def _fill(files: Files, order: list[int]) -> None:
    decoded = open_decoded(files, TASKS)
    for index in order:
        assert_same(decoded[index], files[index])


def test_two_processes_fill_one_cache(files, cache):
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    orders = ([*range(LENGTH)], [*range(LENGTH)])
    both = [context.Process(target=_fill, args=(files, order)) for order in orders]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert len(records(cache)) == 4 * LENGTH
    files.readings()
    assert_right(open_decoded(files, TASKS), files)
    assert files.readings() == []


def test_worker_processes_of_a_loader_fill_it_together(files, cache):
    decoded = open_decoded(files, TASKS)
    for sample in Loader(decoded, _first, batch_size=1, num_workers=2):
        assert_same(sample, files[int(sample["id"][3:])])
    assert len(records(cache)) == 4 * LENGTH
    files.readings()
    assert isinstance(decoded, Decoded)
    assert_right(decoded, files)
    assert files.readings() == []


def _first(samples: list[Sample]) -> Sample:
    return samples[0]
