from __future__ import annotations

import shutil
import subprocess

import pytest

from mtlbench.boards.history import edited
from mtlbench.results.store import write_record

RUNS = [(55, 0.4), (50, 0.5), (45, 0.6)]


@pytest.fixture
def published(make_board):
    """Return a board whose records are committed, and a function that commits what changed."""
    folder = make_board(lora=RUNS)

    def git(*words):
        subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)

    def commit():
        git("add", "-A")
        git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--allow-empty", "-m", "x")

    git("init", "-q")
    commit()
    return folder, commit


def first(folder):
    return sorted((folder / "results/lora").glob("*.json"))[0]


def test_published_records_that_stayed_are_fine(published, make_record):
    folder, commit = published
    write_record(make_record("faar"), folder / "results/faar")
    assert edited(folder) == ([], "")
    commit()
    path = first(folder)
    path.with_name(path.stem + ".verified.json").write_text("{}")
    commit()
    path.with_name(path.stem + ".verified.json").write_text("{ }")
    commit()
    assert edited(folder) == ([], "")


@pytest.mark.parametrize("committed", [True, False])
def test_an_edited_record_is_found(published, committed):
    folder, commit = published
    path = first(folder)
    path.write_text(path.read_text().replace("55.0", "56.0"))
    if committed:
        commit()
    (refusal,), _ = edited(folder)
    assert refusal.path == f"lora/{path.name}"
    assert (
        "commit" if committed else "in the working tree"
    ) in refusal.reason and "changed" in refusal.reason


@pytest.mark.parametrize("committed", [True, False])
def test_a_removed_record_is_found(published, committed):
    folder, commit = published
    path = first(folder)
    path.unlink()
    if committed:
        commit()
    (refusal,), _ = edited(folder)
    assert refusal.path == f"lora/{path.name}" and "removed" in refusal.reason


def test_bringing_another_version_in_after_removal_is_found(published):
    folder, commit = published
    path, text = first(folder), first(folder).read_text()
    path.unlink()
    commit()
    path.write_text(text.replace("55.0", "56.0"))
    commit()
    assert len(edited(folder)[0]) == 1


def test_names_with_spaces_and_quotes_are_read(published):
    folder, commit = published
    odd = folder / "results" / 'a "b" ü.json'
    odd.write_text("{}")
    commit()
    odd.unlink()
    (refusal,), _ = edited(folder)
    assert refusal.path == odd.name


def test_without_history_that_is_said(make_board, published, tmp_path):
    folder, commit = published
    commit()
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", folder.resolve().as_uri(), str(tmp_path / "clone")], check=True
    )
    assert "history is cut" in edited(tmp_path / "clone")[1]
    shutil.rmtree(tmp_path / "clone/.git")
    refusals, note = edited(tmp_path / "clone")
    assert not refusals and "no git checkout" in note
