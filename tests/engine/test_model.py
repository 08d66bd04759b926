from __future__ import annotations

import pytest
import torch

from mtlbench.data.collate import collate_train
from mtlbench.data.view import TrainView


def losses(built, batch) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return built.model(**batch, mode="loss").active


def hidden(built, visible) -> dict:
    """Return a batch of four images of which `visible` (index -> tasks) shows labels."""
    names = dict(zip(built.datasets[0].ids[:4], (visible.get(i, ()) for i in range(4)), strict=True))
    names |= dict.fromkeys(built.datasets[0].ids[4:], ())
    view = TrainView(built.datasets[0], built.kinds, [], 0, names)
    return collate_train([view[0, index] for index in range(4)], built.kinds)


def test_a_hidden_label_contributes_nothing(parts, monkeypatch):
    built = parts(adapter__dropout=0.0)
    visible = {0: ("depth",), 1: ("semseg", "depth"), 2: ("semseg",), 3: ("semseg",)}
    before = losses(built, hidden(built, visible))
    sum(before.values()).backward()
    gradient = {name: p.grad for name, p in built.model.named_parameters() if p.grad is not None}
    built.model.zero_grad()

    dataset = type(built.datasets[0])
    read = dataset.__getitem__

    def tamper(self, index):
        sample = read(self, index)
        for task in {"semseg", "depth"} - set(visible[index]):
            sample["labels"][task] = sample["labels"][task] * 0 + 1
        return sample

    monkeypatch.setattr(dataset, "__getitem__", tamper)
    after = losses(built, hidden(built, visible))
    sum(after.values()).backward()
    assert all(torch.equal(before[task], after[task]) for task in before)
    for name, parameter in built.model.named_parameters():
        assert parameter.grad is None or torch.equal(parameter.grad, gradient[name]), name

    visible[0] = ("depth", "semseg")  # the tampered label, once shown, does matter
    shown = losses(built, hidden(built, visible))
    assert not torch.equal(shown["semseg"], before["semseg"])


def test_a_task_without_labels_is_inactive(parts):
    built = parts(balancer__type="uw")
    wrapper = built.wrapper()
    batch = hidden(built, dict.fromkeys(range(4), ("depth",)))
    assert losses(built, batch).keys() == {"depth"}
    before = built.model.balancer.log_variance["semseg"].clone()
    head = {n: p.clone() for n, p in built.model.named_parameters() if "heads.semseg" in n}
    built.model.train_step(batch, wrapper)
    assert torch.equal(built.model.balancer.log_variance["semseg"], before)
    assert not torch.equal(built.model.balancer.log_variance["depth"], before)
    assert head and all(
        (built.model.get_parameter(n) - p).abs().max() <= 5e-3 * 0.05 * p.abs().max() for n, p in head.items()
    )  # no gradient: weight decay at most


def test_a_step_without_any_label_is_taken(parts):
    built = parts()
    built.model.train_step(hidden(built, {}), built.wrapper())


def test_a_loss_is_a_mean_over_all_valid_pixels(parts):
    # images of one batch count by their valid pixels, not each the same
    built = parts(adapter__dropout=0.0)
    built.model.eval()
    batch = hidden(built, dict.fromkeys(range(4), ("depth", "semseg")))
    batch["labels"]["depth"][0, :30] = 0.0
    whole = losses(built, batch)["depth"]
    total = valid = 0.0
    for index in range(4):
        one = {key: value[index : index + 1] for key, value in batch.items() if key in ("inputs", "ids")}
        for key in ("labels", "labelled"):
            one[key] = {task: value[index : index + 1] for task, value in batch[key].items()}
        number = (one["labels"]["depth"] > 0).sum()
        total, valid = total + losses(built, one)["depth"] * number, valid + number
    torch.testing.assert_close(whole, total / valid)


def test_images_are_normalised_as_the_backbone_wants(parts):
    model = parts().model
    image, _ = model.encode(torch.full((1, 3, 32, 48), 255, dtype=torch.uint8))
    expected = (1 - torch.tensor(model.backbone.mean)) / torch.tensor(model.backbone.std)
    torch.testing.assert_close(image[0, :, 0, 0], expected)


@pytest.mark.parametrize("size", [(32, 48), (40, 56)])
def test_every_task_is_predicted(parts, size):
    model = parts().model.eval()
    outputs = model.predict(torch.zeros(2, 3, *size, dtype=torch.uint8))
    assert {task: output.shape[:2] for task, output in outputs.items()} == {
        "depth": (2, 1),
        "semseg": (2, 14),
    }
