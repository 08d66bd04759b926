"""Published protocols have the sizes, steps and weights that were published."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from mtlbench.data.view import EvalView, TrainView
from mtlbench.engine.config import load_experiment
from mtlbench.engine.optim import learning_rate_factor
from mtlbench.engine.registries import build, register
from mtlbench.plugin import Catalog

CONFIGS = Path(__file__).parents[2] / "configs"
#: protocol -> an experiment that follows it, sizes of images as they lie on disk, size that is trained on
PROTOCOLS = {
    "mtlora_pascal": ("mtlora_swint_pascal", [(375, 500), (500, 333), (442, 500)], (448, 448)),
    "invpt_pascal": ("full_vitb_invpt_pascal", [(375, 500), (500, 333), (112, 500)], (512, 512)),
    "invpt_nyud": ("full_vitb_invpt_nyud", [(425, 560), (480, 640)], (448, 576)),
    "mtan_nyuv2": ("full_swint_mtan_nyuv2", [(288, 384)], (288, 384)),
    "mtan_cityscapes": ("full_swint_mtan_cityscapes", [(128, 256)], (128, 256)),
    "taskonomy5": ("full_swint_taskonomy5", [(512, 512)], (256, 256)),
}


@pytest.fixture(params=PROTOCOLS)
def protocol(request) -> str:
    return request.param


def experiment(protocol: str):
    return load_experiment(CONFIGS / f"{PROTOCOLS[protocol][0]}.py")


def plain(components) -> list[dict]:
    return [{"type": component.type, **component.options} for component in components]


def test_every_protocol_is_tried():
    assert {path.stem for path in CONFIGS.glob("_base_/protocols/*.py")} == PROTOCOLS.keys()


def test_a_protocol_names_its_source_and_our_departures(protocol):
    lines = (CONFIGS / f"_base_/protocols/{protocol}.py").read_text(encoding="utf-8").partition("_base_ =")[0]
    comment = lines.replace("\n# ", " ")
    assert re.search(r"(et al\.|and \w+),? \(?[A-Z]\w+ 20\d\d", comment)
    assert "public code" in comment and "Departures: " in comment


def test_an_experiment_follows_it(protocol):
    name, _, size = PROTOCOLS[protocol]
    text = (CONFIGS / f"{name}.py").read_text(encoding="utf-8")
    for setting in CONFIGS.glob("_base_/settings/*.py"):
        text += setting.read_text(encoding="utf-8") if setting.name in text else ""
    assert f"/protocols/{protocol}.py" in text
    assert tuple(experiment(protocol).backbone.options["image_size"]) == size


class Photos:
    """Hold images of given sizes, with a label of classes."""

    def __init__(self, sizes: list[tuple[int, int]]) -> None:
        rng = np.random.default_rng(0)
        self.images = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]

    def __getitem__(self, index: int) -> dict:
        image = self.images[index]
        return {"id": str(index), "image": image, "labels": {"semseg": image[..., 0] % 5}}


def test_images_are_trained_on_in_the_published_size(protocol):
    _, sizes, expected = PROTOCOLS[protocol]
    view = TrainView(Photos(sizes), {"semseg": "classes"}, plain(experiment(protocol).train_transforms), 0)
    for key in np.ndindex(3, len(sizes)):
        sample = view[key]
        assert sample["image"].shape == (*expected, 3) and sample["labels"]["semseg"].shape == expected


def test_in_evaluation_only_photos_larger_than_the_frame_have_another_size(protocol):
    _, sizes, expected = PROTOCOLS[protocol]
    view = EvalView(Photos(sizes), {"semseg": "classes"}, plain(experiment(protocol).eval_transforms))
    found = [view[index]["image"].shape[:2] for index in range(len(sizes))]
    assert found == [(480, 640) if protocol == "invpt_nyud" and size[0] > 448 else expected for size in sizes]


def test_the_mtlora_line_takes_the_published_steps_and_learning_rates():
    found = experiment("mtlora_pascal")
    schedule, peak = found.schedule, found.optimizer.lr
    steps = schedule.epochs * (4998 // schedule.batch_size)
    rates = [
        peak * learning_rate_factor(step, steps, schedule.warmup, schedule.curve, schedule.final_lr)
        for step in range(steps + 1)
    ]
    assert steps == 46_800 and max(rates) == pytest.approx(5e-4 * 32 / 512)
    assert rates.index(max(rates)) in (20 * 156 - 1, 20 * 156)  # after 20 epochs
    assert rates[-1] == pytest.approx(5e-6 * 32 / 512)


def weights(protocol: str) -> dict[str, float]:
    return dict(experiment(protocol).balancer.options["weights"])


@pytest.mark.parametrize("protocol", ["invpt_pascal", "invpt_nyud"])
def test_our_weight_of_normals_makes_invpt_s_loss_of_ours(protocol):
    found = experiment(protocol)
    register(found, Catalog.load())
    generator = torch.Generator().manual_seed(0)
    output, label = (torch.randn(2, 3, 4, 5, generator=generator) for _ in range(2))
    label = torch.nn.functional.normalize(label, dim=1)
    label[0, :, 1] = 0
    unit, pixels = output / output.norm(dim=1, keepdim=True), (label != 0).any(1)
    published = 10 * (unit - label).abs().sum(1)[pixels].sum() / pixels.sum()  # per pixel, over channels
    total, count = build("task", found.tasks["normals"]).loss(output, label)
    assert (weights(protocol)["normals"] * total / count).item() == pytest.approx(published.item(), rel=1e-6)


@pytest.mark.parametrize(
    "task, ours, theirs",
    [
        ("depth", lambda v: v / 512, lambda v: (v - 1500) / 1000),
        ("keypoints2d", lambda v: min(v / 2000, 1), lambda v: (v - 50) / 100),
        ("edge_texture", lambda v: min(v / 16384, 1), lambda v: (v - 718) / 1070),
    ],
)
def test_our_weights_undo_our_units_of_taskonomy(task, ours, theirs):
    one, other = 300.0, 1900.0  # as stored
    weighted = weights("taskonomy5")[task] * abs(ours(one) - ours(other))
    assert weighted == pytest.approx(abs(theirs(one) - theirs(other)))


@pytest.mark.parametrize("protocol", ["mtlora_pascal", "invpt_pascal", "invpt_nyud"])
def test_other_weights_are_those_of_the_survey(protocol):
    survey = {"semseg": 1, "human_parts": 2, "saliency": 5, "normals": 10, "depth": 1, "edge": 50}
    found = weights(protocol)
    found["normals"] = found["normals"] / (1 if protocol == "mtlora_pascal" else 3)
    assert found == {task: survey[task] for task in experiment(protocol).tasks}
