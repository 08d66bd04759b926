"""Build the trained model of a finished run again, from its record and its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtlbench.contracts.dataset import Dataset
from mtlbench.engine.checkpoint import load_latest
from mtlbench.engine.config import Experiment
from mtlbench.engine.datasets import eval_loader, open_datasets, train_loader
from mtlbench.engine.embedded import experiment_of, require_same_providers
from mtlbench.engine.errors import ExportError
from mtlbench.engine.evaluation import recalibrate
from mtlbench.engine.hooks.checkpointing import restore
from mtlbench.engine.loop import BUILD, seed_everything
from mtlbench.engine.model import MultiTaskModel, build_model, build_tasks
from mtlbench.engine.registries import register
from mtlbench.errors import MtlbenchError
from mtlbench.plugin.catalog import Catalog
from mtlbench.results.schema import Record
from mtlbench.results.store import RECORDS, load_record


@dataclass(frozen=True)
class Trained:
    """Hold the model that a record's metrics are of, in evaluation mode, and the size of its images."""

    record: Record
    experiment: Experiment
    model: MultiTaskModel
    size: tuple[int, int]


def record_file(run: Path) -> Path:
    """Return the file of the record at `run`, the file itself or the folder of the run that wrote it.

    Raises:
        ExportError: there is none, or more than one.
    """
    if run.is_file():
        return run
    found = sorted(run.glob(RECORDS))
    if len(found) == 1:
        return found[0]
    if found:
        raise ExportError(
            f"{run} holds several records: {', '.join(path.name for path in found)}. Pass the path of one."
        )
    raise ExportError(
        f"{run} holds no record: a run writes it when it is finished. Pass the folder of a finished run, "
        "such as runs/NAME/seed0, or run its config (again) with mtlbench run."
    )


def rebuild(
    run: Path,
    catalog: Catalog,
    weights: Path | None = None,
    data_root: Path | None = None,
    size: tuple[int, int] | None = None,
) -> Trained:
    """Build the model that the record of `run` describes, and give it the values of the last checkpoint.

    The config inside the record is data: it names components, and nothing of it is executed. Frozen weights
    are the pretrained ones, which the record knows by their fingerprint.

    Args:
        run: folder of a run, or the record inside it.
        catalog: knows the components.
        weights: file of the pretrained weights, where the backbone should not look for them itself.
        data_root: where the dataset lies, if it is needed: for statistics that a run estimates after
            training, or where nothing else tells the size of images.
        size: (H, W) of the images, instead of that of the evaluation.

    Raises:
        ExportError: record, checkpoint and pretrained weights do not belong together.
        ForeignRecord: what is installed is not what the record was made with.
        MtlbenchError: a component or its data is missing.
    """
    path = record_file(run)
    record = load_record(path)
    experiment = experiment_of(record, weights, data_root)
    require_same_providers(record, register(experiment, catalog))
    content = _checkpoint(path, record)
    seed_everything(record.seed, BUILD)
    model = _build(experiment, record, weights)
    _restore(content, record, model)
    kinds: dict[str, str] = {name: task.label_kind for name, task in model.tasks.items()}
    if model.adapter.recalibration:
        train, _ = _datasets(experiment, catalog, "statistics of batch norms are estimated after training")
        batches, _ = train_loader(experiment, train, kinds, record.seed, 0)
        recalibrate(model, batches, model.adapter.recalibration)
    size = size or _declared_size(experiment)
    if size is None:
        _, val = _datasets(experiment, catalog, "its images have a size of their own (or pass --size H W)")
        height, width = next(iter(eval_loader(experiment, val, kinds)))["inputs"].shape[-2:]
        size = (height, width)
    return Trained(record, experiment, model.eval(), size)


def _checkpoint(path: Path, record: Record) -> dict[str, Any]:
    folder, damaged = path.parent / "checkpoints", list[str]()
    content = load_latest(folder, damaged.append)
    again = "run the same mtlbench run command with --restart"
    if content is None:
        reason = "what lies there is damaged" if damaged else "a record alone holds no weights"
        raise ExportError(
            f"There is no checkpoint in {folder}: {reason}. Pass the folder in which the run was trained, or "
            f"{again}."
        )
    identity = content.get("identity", {})
    if (identity.get("config"), identity.get("seed")) != (record.config_hash, record.seed):
        raise ExportError(
            f"The checkpoint in {folder} is of another config or seed than the record {path.name}. Pass the "
            "folder in which that run was trained."
        )
    if content["step"] != record.iterations:
        raise ExportError(
            f"The newest good checkpoint in {folder} is of step {content['step']}, and the record of step "
            f"{record.iterations}. To get that one back, {again}."
        )
    return content


def _build(experiment: Experiment, record: Record, weights: Path | None) -> MultiTaskModel:
    try:
        model = build_model(experiment, build_tasks(experiment))
    except MtlbenchError as error:
        raise ExportError(
            f"The model of {record.run_id} cannot be built again: {error} Checkpoints hold what was trained, "
            "not the frozen weights: pass the file of the pretrained ones with --weights FILE."
        ) from error
    found, known = model.backbone.fingerprint(), record.provenance.weights
    if known not in (None, found):
        raise ExportError(
            f"The pretrained weights are not those of the run: their fingerprint is {found}, and the record "
            f"says {known}. Pass the right file with --weights FILE."
        )
    return model


def _restore(content: dict[str, Any], record: Record, model: MultiTaskModel) -> None:
    try:
        restore(content, content["identity"], model)
    except (MtlbenchError, KeyError, RuntimeError) as error:  # torch's, where shapes differ
        reason = str(error).strip().splitlines()[-1].strip().rstrip(".")
        raise ExportError(
            f"The checkpoint of {record.run_id} does not fit the model that its record describes ({reason}). "
            "Install what it was written with: "
            f"{', '.join(sorted(set(record.components.values())))}."
        ) from error


def _declared_size(experiment: Experiment) -> tuple[int, int] | None:
    """Return (H, W) where transforms, the dataset or the backbone name it."""
    places = (*reversed(experiment.eval_transforms), experiment.dataset)
    named = [place.options["size"] for place in places if "size" in place.options]
    named += (
        [experiment.backbone.options["image_size"]] if "image_size" in experiment.backbone.options else []
    )
    return (int(named[0][0]), int(named[0][1])) if named else None


def _datasets(experiment: Experiment, catalog: Catalog, why: str) -> tuple[Dataset, Dataset]:
    try:
        return open_datasets(experiment, catalog)
    except MtlbenchError as error:
        raise ExportError(f"{error} Exporting needs the dataset because {why}: pass --data-root.") from error
