"""Losses under partial labels: what they are divided by, however a batch is cut."""

from __future__ import annotations

import pytest
import torch

from mtlbench.data.collate import collate_train
from mtlbench.data.view import TrainView
from mtlbench.engine import distributed
from mtlbench.engine.loss_sums import image_loss_sums
from mtlbench.engine.model import _global_losses
from mtlbench.errors import MtlbenchError

VISIBLE = {0: ("depth",), 1: ("semseg", "depth"), 2: ("semseg",), 3: ()}
FORMS = ("pixels", "batch", "tasks")


def partial(built, visible=VISIBLE) -> dict:
    names = {name: visible.get(i, ()) for i, name in enumerate(built.datasets[0].ids)}
    view = TrainView(built.datasets[0], built.kinds, [], 0, names)
    batch = collate_train([view[0, index] for index in range(4)], built.kinds)
    batch["labels"]["depth"][0, :30] = 0.0  # an image with few valid pixels
    return batch


def by_hand(built, batch, form) -> dict[str, float]:
    """Return the losses by definition, from means of single images."""
    raw = built.model.eval().predict(batch["inputs"])
    size, tasks = batch["inputs"].shape[-2:], built.model.tasks
    values, counts = {}, {}
    for task, output in raw.items():
        output = torch.nn.functional.interpolate(output, size, mode="bilinear")
        pairs = [tasks[task].loss(output[i : i + 1], batch["labels"][task][i : i + 1]) for i in range(4)]
        values[task], counts[task] = ([x.item() for x in column] for column in zip(*pairs, strict=True))
    if form == "pixels":
        return {task: sum(values[task]) / sum(counts[task]) for task in values}
    known = [sum(counts[task][i] > 0 for task in counts) for i in range(4)]
    total = {}
    for task in values:
        times = [2 / known[i] if form == "tasks" and known[i] else 1 for i in range(4)]
        means = [times[i] * values[task][i] / counts[task][i] for i in range(4) if counts[task][i]]
        total[task] = sum(means) / 4
    return total


@pytest.mark.parametrize("form", FORMS)
def test_a_loss_is_what_its_normaliser_says(parts, form):
    built = parts(adapter__dropout=0.0, learner__type="masked", learner__normaliser=form)
    batch = partial(built)
    expected = by_hand(built, batch, form)
    found = built.model.eval()(**batch, mode="loss").active
    assert {task: loss.item() for task, loss in found.items()} == pytest.approx(expected, rel=1e-5)


def test_with_all_labels_all_images_count_the_same(parts):
    visible = dict.fromkeys(range(4), ("semseg", "depth"))
    losses = []
    for form in ("batch", "tasks"):
        built = parts(adapter__dropout=0.0, learner__type="masked", learner__normaliser=form)
        losses.append(built.model.eval()(**partial(built, visible), mode="loss").active)
    assert all(torch.equal(losses[0][task], losses[1][task]) for task in losses[0])


def test_the_default_is_the_mean_over_pixels_to_the_last_bit(parts):
    built = parts(adapter__dropout=0.0)
    model, batch = built.model.eval(), partial(built)
    outputs = {
        task: torch.nn.functional.interpolate(output, (32, 48), mode="bilinear")
        for task, output in model(batch["inputs"]).items()
    }
    for task, loss in model(**batch, mode="loss").active.items():
        value, count = model.tasks[task].loss(outputs[task], batch["labels"][task])
        assert torch.equal(loss, value / count.float())


@pytest.mark.parametrize("form", FORMS)
def test_parts_of_a_step_add_up_to_the_step(parts, form):
    built = parts(adapter__dropout=0.0, learner__type="masked", learner__normaliser=form)
    model, batch = built.model.eval(), partial(built)
    whole = model(**batch, mode="loss").active
    for number in (2, 3):
        found = [model(**part, mode="loss").active for part in model._parts(batch, number)]
        for task, loss in whole.items():
            torch.testing.assert_close(sum(part[task] for part in found if task in part), loss)


def test_shares_of_processes_average_to_the_gradient_of_the_step(monkeypatch):
    sums = torch.tensor([3.0, 5.0])
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    monkeypatch.setattr(distributed, "total", lambda values: torch.tensor([[9.0], [8.0]]))
    for share in sums.clone():
        share.requires_grad_()
        loss = _global_losses({"depth": (share, torch.tensor(4.0))}, images=6)["depth"]
        loss.backward()
        assert loss.item() == pytest.approx(8 / 6)
        assert share.grad.item() == pytest.approx(2 / 6)


def test_an_image_without_labels_has_no_gradient(parts):
    built = parts(adapter__dropout=0.0)
    batch = partial(built)
    outputs = {"semseg": torch.randn(4, 14, 32, 48), "depth": torch.randn(4, 1, 32, 48)}
    outputs = {task: output.requires_grad_() for task, output in outputs.items()}
    sums = image_loss_sums(built.model.tasks, [(1.0, outputs)], batch["labels"], by_tasks=True)
    sum(value for value, _ in sums.values()).backward()
    assert not outputs["depth"].grad[3].any() and outputs["depth"].grad[0].any()
    assert not outputs["semseg"].grad[0].any() and outputs["semseg"].grad[2].any()


def test_an_unknown_normaliser_is_refused(parts):
    with pytest.raises(MtlbenchError, match="no normaliser 'image'; set learner.normaliser to pixels, batch"):
        parts(learner__type="masked", learner__normaliser="image")
