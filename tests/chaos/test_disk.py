"""A full disk, and files that are truncated or whose bits flip."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from mtlbench.boards.board import load_board
from mtlbench.errors import MtlbenchError
from mtlbench.results import store
from mtlbench.results.store import load_record


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of a given size; returns the folder and a function that gives it another size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True
    )
    if done.returncode:
        pytest.skip("only root may mount a small disk")

    def resize(size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)

    yield folder, resize
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_at_any_size_loses_nothing(finish, undisturbed, same_run, small_disk, tmp_path, figures):
    folder, resize = small_disk
    sizes, survived, full = [4 * 2**k for k in range(2, 11)] + [48, 100, 300, 700, 900, 1400], 0, 0
    for size in sizes:
        resize(f"{size}k")
        code = finish(folder / "run")
        full += code != 0
        said = tmp_path / "run.said"
        clear = code == 0 or code == 2
        resize("64m")
        resumed = finish(folder / "run") == 0 and same_run(folder / "run", undisturbed)
        survived += clear and resumed
        assert clear, said.read_text() if said.exists() else code
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    figures("disk full, at different amounts of space", len(sizes), survived)
    assert survived == len(sizes) and full > 3


def test_a_write_that_fails_anywhere_is_one_error(finish, undisturbed, same_run, tmp_path, figures):
    survived, tried = 0, 0
    for kth in range(1, 40):
        count = tmp_path / f"count{kth}"

        def fail(kth=kth, count=count):
            real = store.os.fsync

            def fsync(file):
                count.write_text(str(int(count.read_text() or 0) + 1) if count.exists() else "1")
                if int(count.read_text()) == kth:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                real(file)

            store.os.fsync = fsync

        work_dir = tmp_path / f"run{kth}"
        code = finish(work_dir, fail)
        if code == 0:
            break  # there are fewer writes than that
        tried += 1
        said = (tmp_path / f"run{kth}.said").read_text()
        survived += (
            code == 2
            and "No space left" in said
            and finish(work_dir) == 0
            and same_run(work_dir, undisturbed)
        )
        assert code == 2, said
    figures("disk full at every write of a run", tried, survived)
    assert survived == tried > 3


@pytest.mark.parametrize("how", ["flipped", "truncated", "emptied", "removed"])
def test_damaged_checkpoints_are_left_out(finish, undisturbed, same_run, tmp_path, figures, how):
    rng, trials, survived = random.Random(how), 12, 0
    for trial in range(trials):
        work_dir = tmp_path / f"run{trial}"
        shutil.copytree(undisturbed, work_dir)
        next(work_dir.glob("*-seed0.json")).unlink()
        files = sorted((work_dir / "checkpoints").glob("step-*"))
        damage(rng.choice(files), how, rng)
        survived += finish(work_dir) == 0 and same_run(work_dir, undisturbed)
    figures(f"files of checkpoints {how}", trials, survived)
    assert survived == trials


@pytest.mark.parametrize("how", ["flipped", "truncated", "emptied"])
def test_damaged_rooms_are_rendered_again(finish, undisturbed, same_run, tmp_path, figures, how):
    rng, trials, survived = random.Random(how), 8, 0
    cache = Path(os.environ["MTLBENCH_CACHE"])
    for trial in range(trials):
        own = tmp_path / f"cache{trial}"
        shutil.copytree(cache, own)
        files = sorted(path for path in own.rglob("*") if path.is_file() and path.stat().st_size)
        damage(rng.choice(files), how, rng)
        work_dir = tmp_path / f"run{trial}"
        code = finish(work_dir, lambda own=own: os.environ.update(MTLBENCH_CACHE=str(own)))
        said = tmp_path / f"run{trial}.said"
        clear = code == 2 and str(own) in said.read_text() if said.exists() else code == 0
        survived += clear and (code == 2 or same_run(work_dir, undisturbed))
    figures(f"files of caches {how}", trials, survived)
    assert survived == trials


def test_damaged_records_are_refused_or_are_other_records(undisturbed, tmp_path, figures):
    """A flipped digit is another number: only the history of a board tells it, see `board check`."""
    rng, trials, survived = random.Random(3), 300, 0
    path = next(undisturbed.glob("*-seed0.json"))
    for _ in range(trials):
        copy = tmp_path / "copy.json"
        shutil.copy(path, copy)
        damage(copy, rng.choice(["flipped", "truncated"]), rng)
        try:
            record = load_record(copy)
            survived += json.loads(copy.read_text())["run_id"] == record.run_id
        except MtlbenchError as error:
            survived += str(copy) in str(error)
    figures("bytes of records flipped or cut", trials, survived)
    assert survived == trials


def test_damaged_boards_are_one_error(make_board, figures):
    rng, trials, survived = random.Random(4), 300, 0
    folder = make_board()
    path = folder / "board.toml"
    content = path.read_bytes()
    for _ in range(trials):
        path.write_bytes(content)
        damage(path, rng.choice(["flipped", "truncated"]), rng)
        try:
            load_board(folder)
            survived += 1
        except MtlbenchError as error:
            survived += "board.toml" in str(error)
    figures("bytes of board.toml flipped or cut", trials, survived)
    assert survived == trials


def damage(path: Path, how: str, rng: random.Random) -> None:
    """Change a file as a failing disk would."""
    content = bytearray(path.read_bytes())
    if how == "flipped":
        for _ in range(rng.randint(1, 8)):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif how == "truncated":
        del content[rng.randrange(len(content)) :]
    elif how == "emptied":
        content.clear()
    else:
        path.unlink()
        return
    path.write_bytes(bytes(content))
