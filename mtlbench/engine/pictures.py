"""Draw what people would rather look at than read: predictions beside labels, ranks, weights of losses."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from mtlbench.contracts.dataset import Dataset
from mtlbench.contracts.task import Task
from mtlbench.engine.config import Experiment
from mtlbench.engine.conflicts import draw_conflicts
from mtlbench.engine.datasets import eval_loader
from mtlbench.engine.hooks.epoch import EpochHook
from mtlbench.engine.model import MultiTaskModel, resize_output

_GAP = 4


def draw(
    model: MultiTaskModel,
    experiment: Experiment,
    dataset: Dataset,
    kinds: dict[str, str],
    epochs: EpochHook,
    folder: Path,
    predictions: bool = True,
) -> None:
    """Write `predictions.png`, for methods with ranks `ranks.png`, and `weights.png` where weights vary.

    Where gradients were compared, `conflicts.png` shows how they agree. Without `predictions` the model is
    not run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if predictions and experiment.evaluation.pictures:
        sheet = _predictions(model, experiment, dataset, kinds)
        _write(folder / "predictions.png", sheet)
    if epochs.rank_maps:
        from mtlbench.engine.rank_map import draw_rank_maps

        draw_rank_maps(epochs.rank_maps, folder / "ranks.png")
    if any(len({epoch[task] for epoch in epochs.weights if task in epoch}) > 1 for task in model.tasks):
        from mtlbench.engine.weight_curves import draw_weights

        draw_weights(epochs.weights, folder / "weights.png")
    if epochs.conflicts.state:
        draw_conflicts(epochs.conflicts.means(), folder / "conflicts.png")


@torch.no_grad()
def _predictions(
    model: MultiTaskModel, experiment: Experiment, dataset: Dataset, kinds: dict[str, str]
) -> np.ndarray:
    """Return a header, then one row per image: the image, and each task's label above its prediction.

    A task's auxiliary predictions stand before it, in the decoder's order.
    """
    model.eval()
    rows: list[np.ndarray] = []
    for batch in eval_loader(experiment, dataset, kinds):
        outputs = model.predict(batch["inputs"])
        before = _auxiliary(model, batch["inputs"])
        for index in range(len(batch["ids"])):
            image = batch["inputs"][index].permute(1, 2, 0).numpy()
            size = image.shape[:2]
            empty = np.full_like(image, 255)
            titles, columns = ["image"], [np.concatenate([image, empty])]
            for name, output in outputs.items():
                task = model.tasks[name]
                for number, maps in enumerate((maps for maps in before if name in maps), start=1):
                    titles.append(f"{name} before {number}")
                    columns.append(np.concatenate([empty, _draw(task, maps[name][index : index + 1], size)]))
                label = _label(task, batch["labels"][name][index], batch["content"][index], size)
                titles.append(name)
                columns.append(np.concatenate([label, _draw(task, output[index : index + 1], size)]))
            if not rows:
                rows.append(
                    _join([_title(text, column) for text, column in zip(titles, columns, strict=True)], 1)
                )
            rows.append(_join(columns, axis=1))
            if len(rows) > experiment.evaluation.pictures:
                return _join(rows, axis=0)
    return _join(rows, axis=0)


def _auxiliary(model: MultiTaskModel, inputs: torch.Tensor) -> list[dict[str, torch.Tensor]]:
    """Return the decoder's auxiliary predictions for uint8 images, made as it evaluates.

    A decoder yields them while it trains. So its own flag is set, and not those of its layers: batch norms
    keep to their running statistics, and nothing is dropped.
    """
    _, levels = model.encode(model.data_preprocessor.cast_data(inputs))
    model.decoder.training = True
    try:
        return [maps for _, maps in model.decoder(levels).auxiliary]
    finally:
        model.decoder.training = False


def _draw(task: Task, output: torch.Tensor, size: tuple[int, int]) -> np.ndarray:
    """Return raw output (1, C, h, w) as a picture of `size`."""
    return task.draw(task.decode(resize_output(output, size))[0].cpu().numpy())


def _title(text: str, column: np.ndarray) -> np.ndarray:
    """Return a white strip as wide as `column` with the name of what stands below."""
    strip = np.full((20, column.shape[1], 3), 255, np.uint8)
    return cv2.putText(strip, text, (2, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)


def _label(
    task: Task, label: torch.Tensor | None, content: tuple[int, int, int, int], size: tuple[int, int]
) -> np.ndarray:
    """Return a label as a picture of `size`, white where the image is padding."""
    picture = np.full((*size, 3), 255, np.uint8)
    if label is not None:
        top, left, height, width = content
        drawn = cv2.resize(task.draw(label.numpy()), (width, height), interpolation=cv2.INTER_NEAREST)
        picture[top : top + height, left : left + width] = drawn
    return picture


def _join(parts: list[np.ndarray], axis: int) -> np.ndarray:
    shape = list(parts[0].shape)
    shape[axis] = _GAP
    gap = np.full(shape, 255, np.uint8)
    spaced = [piece for part in parts for piece in (part, gap)][:-1]
    return np.concatenate(spaced, axis=axis)


def _write(path: Path, image: np.ndarray) -> None:
    _, data = cv2.imencode(".png", image[..., ::-1])
    path.write_bytes(data.tobytes())
