from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from mtlbench.engine import checkpoint
from mtlbench.engine.checkpoint import CheckpointError, load_latest, save
from mtlbench.engine.hooks.checkpointing import trained_state


def content(value: float) -> dict:
    return {"model": {"w": torch.full((3, 2), value)}, "identity": {"seed": 0}, "curves": [{"depth": 0.5}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the checkpoints of steps 4 and 8."""
    for step in (4, 8):
        save(tmp_path / "checkpoints", step, content(step))
    return tmp_path / "checkpoints"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_saved_is_loaded(folder):
    loaded = load_latest(folder)
    assert loaded["step"] == 8 and torch.equal(loaded["model"]["w"], content(8)["model"]["w"])
    assert loaded["curves"] == [{"depth": 0.5}]
    assert load_latest(folder.with_name("absent")) is None


def test_the_newest_two_are_kept(folder):
    save(folder, 12, content(12))
    assert names(folder) == [f"step-{step:08d}.{end}" for step in (8, 12) for end in ("json", "pt")]


def test_a_checkpoint_can_be_read_without_executing_anything(folder):
    loaded = torch.load(folder / "step-00000008.pt", weights_only=True)
    assert loaded["step"] == 8


def test_a_run_s_checkpoint_can_be_read_without_executing_anything(train):
    _, work_dir = train(schedule__iterations=4)
    loaded = torch.load(next(work_dir.glob("checkpoints/*.pt")), weights_only=True)
    assert loaded["optimizer"]["state"] and loaded["structure"]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def lose_checksum(path: Path) -> None:
    path.with_suffix(".json").unlink()


def garble_checksum(path: Path) -> None:
    path.with_suffix(".json").write_text("\0\0{")


DAMAGES = [truncate, flip_a_bit, empty, lose_checksum, garble_checksum]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_is_left_out_with_a_warning(folder, damage):
    warnings: list[str] = []
    damage(folder / "step-00000008.pt")
    assert load_latest(folder, warnings.append)["step"] == 4
    (warning,) = warnings
    assert "step-00000008.pt is damaged and left out" in warning
    damage(folder / "step-00000004.pt")
    assert load_latest(folder) is None


def test_one_of_another_format_is_left_out(folder, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", 0)
    save(folder, 12, content(12))
    monkeypatch.undo()
    assert load_latest(folder)["step"] == 8


def test_a_full_disk_keeps_the_old_ones_and_leaves_nothing(folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError) as caught:
        save(folder, 12, content(12))
    text = str(caught.value)
    assert "step-00000012.pt cannot be written: No space left on device" in text and "same command" in text
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    monkeypatch.undo()
    save(folder, 12, content(12))
    assert load_latest(folder)["step"] == 12


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_really_full_device(folder, monkeypatch):
    real = Path.open

    def to_full(self, mode="r", *args, **options):
        if self.suffix == ".tmp":
            return real(Path("/dev/full"), "wb", *args, **options)
        return real(self, mode, *args, **options)

    monkeypatch.setattr(Path, "open", to_full)
    with pytest.raises(CheckpointError, match="No space left on device"):
        save(folder, 12, content(12))
    assert load_latest(folder)["step"] == 8


def test_what_a_killed_writer_left_is_swept_away(folder):
    stray = folder / ".step-00000012.pt.4711.tmp"
    stray.write_bytes(b"half")
    assert load_latest(folder)["step"] == 8
    save(folder, 12, content(12))
    assert not stray.exists()


def test_a_run_goes_on_from_the_one_before_a_damaged_one(train):
    record, work_dir = train()
    next(work_dir.glob("*-seed0.json")).unlink()
    flip_a_bit(work_dir / "checkpoints/step-00000012.pt")
    again, _ = train()
    assert again.metrics == record.metrics and again.rank_map == record.rank_map
    log = (work_dir / "train.log").read_text()
    assert "step-00000012.pt is damaged and left out" in log and "steps 8 to 12" in log


@pytest.mark.parametrize("change", [{"seed": 1}, {"optimizer__lr": 1e-3}])
def test_one_of_another_run_is_refused(train, change):
    train(schedule__iterations=1)
    with pytest.raises(CheckpointError) as caught:
        train(schedule__iterations=1, **change)
    text = str(caught.value)
    assert "another config, seed or number of processes" in text
    assert "--work-dir" in text and "--restart" in text


def test_one_that_lacks_a_trained_parameter_is_refused(train):
    _, work_dir = train(schedule__iterations=1)
    next(work_dir.glob("*-seed0.json")).unlink()
    loaded = load_latest(work_dir / "checkpoints")
    lost = next(name for name in loaded["model"] if name.startswith("decoder."))
    del loaded["model"][lost]
    save(work_dir / "checkpoints", 1, {k: loaded[k] for k in loaded if k not in ("step", "format")})
    with pytest.raises(CheckpointError, match=f"does not fit the model: {lost} and 0 more"):
        train(schedule__iterations=1)


def test_only_what_the_pretrained_weights_lack_is_kept(parts):
    model = parts().model
    kept = trained_state(model)
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert kept.keys() == model.state_dict().keys() - frozen and frozen
    assert any("running_var" in name for name in kept) and any("score_" in name for name in kept)
