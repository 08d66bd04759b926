"""Find finished runs that a config names, and rebuild their models for components that start from them."""

from __future__ import annotations

from pathlib import Path

import torch

from mtlbench.engine import checkpoint
from mtlbench.engine.config import validate
from mtlbench.engine.model import MultiTaskModel, build_model, build_tasks
from mtlbench.engine.registries import register
from mtlbench.errors import MtlbenchError
from mtlbench.plugin.catalog import Catalog
from mtlbench.results.schema import Record
from mtlbench.results.store import RECORDS, load_record


class UnusableRun(MtlbenchError):
    """Say why a run that a config names cannot be used."""


def find_record(name: str, root: Path) -> Path:
    """Return the record that `name` means: a work dir or a record below `root`, or the id of a run in it.

    Raises:
        UnusableRun: there is none, or there are several, or the name leads out of `root`.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise UnusableRun(
            f"{name!r} leads out of the folder of finished runs; give its place below, and that folder as "
            "the option `root`."
        )
    place = root / name
    if place.is_file():
        return place
    found = sorted(place.glob(RECORDS)) if place.is_dir() else sorted(root.rglob(f"{name}.json"))
    if len(found) != 1:
        raise UnusableRun(
            f"{name!r} names {len(found)} finished runs in {str(root)!r}; give the work dir of one run, its "
            "record, or its run id, below the option `root`."
        )
    return found[0]


def load_finished(name: str, root: Path, task: str) -> MultiTaskModel:
    """Rebuild the model of a finished run that predicts `task`, frozen and in evaluation mode.

    Its checkpoint is read as tensors and plain values, so that nothing in it is executed.

    Args:
        name: of the run, see `find_record`.
        root: folder of finished runs.
        task: that it has to predict.

    Raises:
        UnusableRun: the run does not predict the task, its last checkpoint is missing, or its backbone's
            pretrained weights are not those of this machine.
    """
    path = find_record(name, root)
    record = load_record(path)
    if task not in record.primary:
        raise UnusableRun(
            f"The run {name!r} predicts {', '.join(record.primary)}; name a run that predicts {task!r}."
        )
    saved = checkpoint.load_latest(path.parent / "checkpoints")
    identity = {} if saved is None else saved["identity"]
    same = identity.get("config") == record.config_hash and identity.get("seed") == record.seed
    if saved is None or not same or saved["step"] != record.iterations:
        raise UnusableRun(
            f"The run {name!r} has no checkpoint of its last step beside its record; run it again."
        )
    return _rebuild(name, record, saved)


def _rebuild(name: str, record: Record, saved: dict) -> MultiTaskModel:
    experiment = validate({"name": record.name, **record.config}, name)
    register(experiment, Catalog.load())
    with torch.random.fork_rng(devices=[]):
        model = build_model(experiment, build_tasks(experiment))
    if record.provenance.weights != model.backbone.fingerprint():
        raise UnusableRun(
            f"The run {name!r} was trained from other pretrained weights than its config builds here; run it "
            "again without backbone.weights."
        )
    model.adapter.restore(saved["structure"])
    model.load_state_dict(saved["model"], strict=False)
    return model.requires_grad_(False).eval()
