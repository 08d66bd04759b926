from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Subset

from mtlbench.data.collate import collate_eval
from mtlbench.data.view import EvalView
from mtlbench.engine import distributed, experiment
from mtlbench.engine.checkpoint import load_latest
from mtlbench.engine.errors import RunError
from mtlbench.engine.evaluation import evaluate
from mtlbench.engine.layers import resize
from mtlbench.engine.model import MultiTaskModel, resize_output
from mtlbench.engine.recording import require_numbers
from mtlbench.metrics.bootstrap import REPLICATES, image_weights
from mtlbench_tasks.depth import Depth


@pytest.fixture
def built(parts, monkeypatch):
    """Return a tiny experiment whose predictions are functions of the image alone, bit for bit."""
    tasks = ["edge", "normals", "saliency"]
    built = parts(
        *(f'tasks["{task}"] = dict(type="{task}")' for task in tasks),
        dataset__size=(24, 40),
        dataset__val_rooms=12,
        eval_transforms=[],
    )
    pools = {task: torch.nn.AvgPool2d(2) for task in built.kinds}

    def predict(self, inputs):
        images = inputs.float() / 255
        return {
            name: torch.cat(
                [pools[name](images[:, c % 3 : c % 3 + 1]) * (c + 1) for c in range(task.channels)], 1
            )
            for name, task in self.tasks.items()
        }

    monkeypatch.setattr(MultiTaskModel, "predict", predict)
    return built


def loader(built, order, batch_size: int) -> DataLoader:
    view = EvalView(built.datasets[1], built.kinds)
    return DataLoader(
        Subset(view, order), batch_size=batch_size, collate_fn=lambda rows: collate_eval(rows, built.kinds)
    )


@pytest.mark.parametrize("mode", ["native", "legacy448"])
def test_metrics_depend_neither_on_batches_nor_on_order(built, mode):
    expected = evaluate(built.model, loader(built, range(12), 1), mode)
    assert expected.metrics.keys() == {"depth", "edge", "normals", "saliency", "semseg"}
    assert expected.replicates.keys() == expected.metrics.keys()
    for order, batch_size in (
        (range(12), 4),
        (range(11, -1, -1), 2),
        ([*range(1, 12, 2), *range(0, 12, 2)], 7),
    ):
        assert evaluate(built.model, loader(built, order, batch_size), mode) == expected


def test_metrics_are_those_of_one_meter_that_sees_every_batch(built):
    meters = {name: task.meter() for name, task in built.model.tasks.items()}
    for batch in loader(built, range(12), 6):
        for name, output in built.model.predict(batch["inputs"]).items():
            labels = torch.stack(batch["labels"][name])
            resized = resize_output(output, labels.shape[-2:])
            meters[name].update(built.model.tasks[name].decode(resized), labels)
    expected = {name: meter.compute() for name, meter in meters.items()}
    assert evaluate(built.model, loader(built, range(12), 2), "native").metrics == expected


def test_predictions_are_resized_to_labels_and_never_the_reverse(built, monkeypatch):
    """Labels that are resized, or squeezed into a square, make numbers incomparable."""
    sizes = set()
    for task in built.model.tasks.values():
        meter = type(task.meter())
        update = meter.update

        def spy(self, prediction, label, update=update):
            sizes.add((*prediction.shape[-2:], *label.shape[-2:]))
            update(self, prediction, label)

        monkeypatch.setattr(meter, "update", spy)

    class Small(DataLoader):
        def __iter__(self):
            for batch in super().__iter__():
                inputs = resize(batch["inputs"].float(), (16, 16))
                yield {**batch, "inputs": inputs, "content": [(0, 0, 16, 16)] * len(batch["ids"])}

    plain = loader(built, range(12), 3)
    evaluate(built.model, Small(plain.dataset, batch_size=3, collate_fn=plain.collate_fn), "native")
    assert sizes == {(24, 40, 24, 40)}


def test_a_replicate_is_an_evaluation_of_repeated_images(built):
    """Image i occurs as often in replicate b as its weight says: evaluate that very list of images."""
    scores = evaluate(built.model, loader(built, range(12), 4), "native")
    weights = np.stack([image_weights(image) for image in built.datasets[1].ids])
    for b in (0, 7, REPLICATES - 1):
        repeated = np.repeat(np.arange(12), weights[:, b]).tolist()
        found = evaluate(built.model, loader(built, repeated, 4), "native").metrics
        for task, values in scores.replicates.items():
            primary = found[task][built.model.tasks[task].primary.name]
            assert values[b] == pytest.approx(primary, rel=1e-5)


@pytest.mark.parametrize(
    "shares", [[range(0, 12, 2), range(1, 12, 2)], [range(11), [11]], [[11], range(10, 0, -1), [0]]]
)
def test_processes_add_up_to_one(built, monkeypatch, shares):
    expected = evaluate(built.model, loader(built, range(12), 2), "native")
    states: dict[str, list[dict[str, np.ndarray]]] = {}
    monkeypatch.setattr(distributed, "world_size", lambda: len(shares))
    # every process but the last leaves its states; the last one gathers what all left, in the order of ranks
    calls = iter(list(built.kinds) * len(shares))

    def gather(state):
        gathered = states.setdefault(next(calls), [])
        gathered.append(state)
        return gathered

    monkeypatch.setattr(distributed, "gather", gather)
    for share in shares:
        scores = evaluate(built.model, loader(built, share, 2), "native")
    assert scores == expected


def test_an_image_without_a_label_counts_for_nothing(built, monkeypatch):
    dataset = type(built.datasets[1])
    read = dataset.__getitem__

    def lose(self, index):
        sample = read(self, index)
        if index == 2:
            del sample["labels"]["depth"]
        return sample

    fewer = evaluate(built.model, loader(built, [0, 1, *range(3, 12)], 2), "native")
    every = evaluate(built.model, loader(built, range(12), 2), "native")
    monkeypatch.setattr(dataset, "__getitem__", lose)
    lost = evaluate(built.model, loader(built, range(12), 2), "native")
    for field in ("metrics", "replicates"):
        found = [getattr(scores, field) for scores in (lost, fewer, every)]
        assert found[0]["depth"] == found[1]["depth"] != found[2]["depth"]
        assert found[0]["semseg"] == found[2]["semseg"]


@pytest.mark.parametrize("sides", [(0, 8, 0, 8), (8, 0, 8, 0), (32, 32, 32, 32)])
def test_padding_is_left_out(built, sides):
    small = evaluate(built.model, loader(built, range(12), 2), "native").metrics

    class Padded(DataLoader):
        def __iter__(self):
            for batch in super().__iter__():
                height, width = batch["inputs"].shape[-2:]
                padded = torch.nn.functional.pad(batch["inputs"], sides, value=255)
                content = (sides[2], sides[0], height, width)
                yield {**batch, "inputs": padded, "content": [content] * len(batch["ids"])}

    plain = loader(built, range(12), 2)
    padded = evaluate(
        built.model, Padded(plain.dataset, batch_size=2, collate_fn=plain.collate_fn), "native"
    ).metrics
    # bilinear upsampling sees one row of padding at the border
    assert padded["depth"]["rmse"] == pytest.approx(small["depth"]["rmse"], rel=0.02)
    assert padded["semseg"]["mIoU"] == pytest.approx(small["semseg"]["mIoU"], abs=1.0)


def test_the_model_itself_scores_the_same_in_any_batch(parts):
    built = parts(adapter__dropout=0.5, backbone__drop_path=0.5)
    expected = evaluate(built.model, loader(built, range(6), 6), "native").metrics
    assert not built.model.training
    found = evaluate(built.model, loader(built, [4, 2, 0, 5, 3, 1], 1), "native").metrics
    for task, values in expected.items():
        assert found[task] == pytest.approx(values, rel=1e-3, abs=0.05)


def test_the_model_after_the_last_step_is_scored_and_no_other(train, monkeypatch):
    scored = []

    def spy(model, *arguments):
        scored.append({name: value.clone() for name, value in model.decoder.state_dict().items()})
        return evaluate(model, *arguments)

    monkeypatch.setattr(experiment, "evaluate", spy)
    record, work_dir = train(adapter={"type": "frozen"})
    assert record.selection == "last" and record.iterations == 12
    saved = load_latest(work_dir / "checkpoints")
    assert saved["step"] == 12 and len(scored) == 1
    for name, value in scored[0].items():
        assert torch.equal(value, saved["model"][f"decoder.{name}"])


def test_metrics_without_a_valid_pixel_name_the_task(train, monkeypatch, tmp_path):
    decode = Depth.meter

    class Blind:
        def __init__(self, meter):
            self.meter = meter

        def update(self, prediction, label):
            self.meter.update(prediction, torch.zeros_like(label))

        def __getattr__(self, name):
            return getattr(self.meter, name)

    monkeypatch.setattr(Depth, "meter", lambda self, mode="native": Blind(decode(self, mode)))
    with pytest.raises(RunError) as caught:
        train(schedule__iterations=2)
    text = str(caught.value)
    assert "of the task 'depth' is nan: the evaluation split has no valid label pixel" in text
    assert "mtlbench data check" in text
    assert not list((tmp_path / "work").glob("*.json"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_no_metric_may_be_without_a_number(value):
    require_numbers({"depth": {"rmse": 0.5}})
    with pytest.raises(RunError, match="metric absrel of the task 'depth'"):
        require_numbers({"semseg": {"mIoU": 1.0}, "depth": {"rmse": 0.5, "absrel": value}})


def test_replicates_come_with_tasks_that_have_enough_images(built):
    few = evaluate(built.model, loader(built, range(2), 2), "native")
    assert few.metrics and not few.replicates
