"""What is drawn after a run."""

from __future__ import annotations

import copy

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from mtlbench.contracts.decoder import Decoded, Decoder
from mtlbench.engine import pictures
from mtlbench.engine.hooks.epoch import EpochHook
from mtlbench.engine.model import resize_output

HEIGHT, WIDTH, GAP, TITLE = 32, 48, 4, 20


class Tiny(Decoder):
    """Predict every task from the last level; while training also `early`, then semseg once more."""

    def __init__(self, tasks, channels):
        super().__init__(tasks, channels)
        self.mix = nn.Sequential(nn.BatchNorm2d(channels[-1]), nn.Dropout(0.5))
        self.heads = nn.ModuleDict({task: nn.Conv2d(channels[-1], out, 1) for task, out in tasks.items()})
        self.early = nn.ModuleDict({task: nn.Conv2d(channels[-1], out, 1) for task, out in tasks.items()})

    def forward(self, levels):
        x = self.mix(levels[-1][0])
        maps, early = ({task: head(x) for task, head in heads.items()} for heads in (self.heads, self.early))
        late = {"semseg": maps["semseg"] + early["semseg"]}
        return Decoded(maps, ((0.5, early), (1.0, late)) if self.training else ())


@pytest.fixture
def sheet(parts, tmp_path):
    """Return a function that draws two images with a decoder, and the model with the picture as RGB."""

    def draw(make=None, eval_transforms=()):
        built = parts(eval_transforms=eval_transforms)
        if make is not None:
            torch.manual_seed(0)
            built.model.decoder = make(built.model.decoder.tasks, built.model.decoder.channels)
            nn.init.uniform_(built.model.decoder.mix[0].running_mean)
        experiment = built.experiment.model_copy(
            update={"evaluation": built.experiment.evaluation.model_copy(update={"pictures": 2})}
        )
        before = copy.deepcopy(built.model.state_dict())
        pictures.draw(built.model, experiment, built.datasets[1], built.kinds, EpochHook(), tmp_path)
        torch.testing.assert_close(built.model.state_dict(), before, rtol=0, atol=0)
        assert not any(module.training for module in built.model.modules())
        return built, cv2.imread(str(tmp_path / "predictions.png"))[..., ::-1]

    return draw


def column(picture: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the upper and the lower half of a column of the first image."""
    place = picture[TITLE + GAP :, number * (WIDTH + GAP) :][: 2 * HEIGHT, :WIDTH]
    return place[:HEIGHT], place[HEIGHT:]


def test_auxiliary_predictions_stand_before_the_final_one(sheet):
    built, picture = sheet(Tiny)
    assert picture.shape == (TITLE + 2 * (GAP + 2 * HEIGHT), 6 * (WIDTH + GAP) - GAP, 3)
    batch = next(iter(built.eval_loader()))
    with torch.no_grad():
        decoder, levels = built.model.decoder, built.model.encode(batch["inputs"])[1]
        x = decoder.mix[0](levels[-1][0])  # nothing dropped, running statistics
        expected = {}
        for task, final in decoder.heads.items():
            early = decoder.early[task](x)
            between = [early + final(x)] if task == "semseg" else []
            expected[task] = [early, *between, final(x)]
    names = [name for name, outputs in expected.items() for _ in outputs]
    outputs = [output for outputs in expected.values() for output in outputs]
    assert names == ["depth"] * 2 + ["semseg"] * 3
    for number, (name, output) in enumerate(zip(names, outputs, strict=True), start=1):
        task = built.model.tasks[name]
        upper, lower = column(picture, number)
        drawn = task.draw(task.decode(resize_output(output[:1], (HEIGHT, WIDTH)))[0].numpy())
        assert np.array_equal(lower, drawn), number
        assert (upper == 255).all() == (number in (1, 3, 4)), number  # the label is above the final one


def test_without_auxiliary_predictions_there_is_one_column_per_task(sheet):
    built, picture = sheet()
    assert picture.shape[1] == 3 * (WIDTH + GAP) - GAP
    batch = next(iter(built.eval_loader()))
    output = built.model.predict(batch["inputs"])["depth"][:1]
    task = built.model.tasks["depth"]
    drawn = task.draw(task.decode(resize_output(output, (HEIGHT, WIDTH)))[0].numpy())
    upper, lower = column(picture, 1)
    assert np.array_equal(lower, drawn) and np.array_equal(column(picture, 0)[0], image(batch))
    assert not (upper == 255).all()


def test_labels_lie_where_the_image_lies_in_its_padding(sheet):
    pad = {"type": "Pad", "size": (HEIGHT, WIDTH), "centred": True}
    built, picture = sheet(None, [{"type": "Resize", "size": (24, 32)}, pad])
    upper, lower = column(picture, 1)
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[4:28, 8:40] = True
    depth = built.datasets[1][0]["labels"]["depth"]
    drawn = built.model.tasks["depth"].draw(cv2.resize(depth, (32, 24), interpolation=cv2.INTER_NEAREST))
    assert np.array_equal(upper[4:28, 8:40], drawn)
    assert (upper[~inside] == 255).all() and (column(picture, 0)[0][~inside] == 0).all()
    assert not (lower == 255).all()


def image(batch) -> np.ndarray:
    """Return the first image of a batch, (H, W, 3)."""
    return batch["inputs"][0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize(
    "weights, drawn",
    [
        ([{"depth": 1.0, "semseg": 1.0}, {"depth": -0.5, "semseg": 2.5}], True),
        ([{"depth": 1.0}, {"semseg": 3.0}, {"depth": 2.0, "semseg": 3.0}], True),
        ([{"depth": 10.0, "semseg": 1.0}, {"depth": 10.0}], False),
        ([{"depth": 1.0, "semseg": 4.0}], False),
        ([], False),
    ],
)
def test_weights_are_drawn_where_they_vary(parts, tmp_path, weights, drawn):
    built, epochs = parts(), EpochHook()
    epochs.weights = weights
    pictures.draw(built.model, built.experiment, built.datasets[1], built.kinds, epochs, tmp_path)
    assert [path.name for path in tmp_path.glob("*.png")] == ["weights.png"] * drawn
    if drawn:
        assert np.ptp(cv2.imread(str(tmp_path / "weights.png"))) > 200
