from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Subset

from mtlbench.data.collate import collate_eval
from mtlbench.data.view import EvalView
from mtlbench.engine import distributed
from mtlbench.engine.errors import RunError
from mtlbench.engine.evaluation import evaluate
from mtlbench.engine.model import MultiTaskModel
from mtlbench.engine.recording import require_numbers
from mtlbench_tasks.depth import Depth


@pytest.fixture
def built(parts, monkeypatch):
    """Return a tiny experiment whose predictions are functions of the image alone, bit for bit."""
    tasks = ["edge", "normals", "saliency"]
    built = parts(
        *(f'tasks["{task}"] = dict(type="{task}")' for task in tasks),
        dataset__size=(24, 40),
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
    expected = evaluate(built.model, loader(built, range(6), 1), mode)
    assert expected.keys() == {"depth", "edge", "normals", "saliency", "semseg"}
    for order, batch_size in ((range(6), 4), (range(5, -1, -1), 2), ([3, 0, 5, 1, 4, 2], 6)):
        assert evaluate(built.model, loader(built, order, batch_size), mode) == expected


@pytest.mark.parametrize("shares", [[[0, 2, 4], [1, 3, 5]], [[0, 1, 2, 3, 4], [5]], [[5], [4, 3, 2, 1], [0]]])
def test_processes_add_up_to_one(built, monkeypatch, shares):
    expected = evaluate(built.model, loader(built, range(6), 2), "native")
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
        metrics = evaluate(built.model, loader(built, share, 2), "native")
    assert metrics == expected


def test_an_image_without_a_label_counts_for_nothing(built, monkeypatch):
    dataset = type(built.datasets[1])
    read = dataset.__getitem__

    def lose(self, index):
        sample = read(self, index)
        if index == 2:
            del sample["labels"]["depth"]
        return sample

    five = evaluate(built.model, loader(built, [0, 1, 3, 4, 5], 2), "native")
    six = evaluate(built.model, loader(built, range(6), 2), "native")
    monkeypatch.setattr(dataset, "__getitem__", lose)
    lost = evaluate(built.model, loader(built, range(6), 2), "native")
    assert lost["depth"] == five["depth"] != six["depth"]
    assert lost["semseg"] == six["semseg"]


def test_padding_is_left_out(built):
    small = evaluate(built.model, loader(built, range(6), 2), "native")

    class Padded(DataLoader):
        def __iter__(self):
            for batch in super().__iter__():
                height, width = batch["inputs"].shape[-2:]
                padded = torch.nn.functional.pad(batch["inputs"], (0, 8, 0, 8), value=255)
                yield {**batch, "inputs": padded, "content": [(height, width)] * len(batch["ids"])}

    plain = loader(built, range(6), 2)
    padded = evaluate(built.model, Padded(plain.dataset, batch_size=2, collate_fn=plain.collate_fn), "native")
    # bilinear upsampling sees one row of padding at the border
    assert padded["depth"]["rmse"] == pytest.approx(small["depth"]["rmse"], rel=0.02)
    assert padded["semseg"]["mIoU"] == pytest.approx(small["semseg"]["mIoU"], abs=1.0)


def test_the_model_itself_scores_the_same_in_any_batch(parts):
    built = parts(adapter__dropout=0.5, backbone__drop_path=0.5)
    expected = evaluate(built.model, loader(built, range(6), 6), "native")
    assert not built.model.training
    found = evaluate(built.model, loader(built, [4, 2, 0, 5, 3, 1], 1), "native")
    for task, values in expected.items():
        assert found[task] == pytest.approx(values, rel=1e-3, abs=0.05)


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
