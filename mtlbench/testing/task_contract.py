"""The properties that every task must have; subclass in a plugin's tests."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import pytest
import torch
from torch import Tensor

from mtlbench.contracts.task import Task
from mtlbench.testing.labels import labels_of, outputs_of, void_like, void_pixels


class TaskContract(ABC):
    """Check a task: its loss, its meter and its colours; a subclass says how to make one.

    Example:
        class TestMine(TaskContract):
            def make(self):
                return Mine()
    """

    @abstractmethod
    def make(self) -> Task:
        """Construct the task."""

    def labels(self, task: Task, batch: int = 3) -> Tensor:
        """Draw labels of a batch, some pixels void; override where not every array of its kind is one."""
        return labels_of(task, batch)

    def test_the_loss_is_a_sum_over_valid_pixels(self):
        task = self.make()
        output, label = outputs_of(task).requires_grad_(), self.labels(task)
        total, count = task.loss(output, label)
        assert total.dim() == count.dim() == 0 and torch.isfinite(total) and count > 0
        parts = [task.loss(output[i : i + 1], label[i : i + 1]) for i in range(len(output))]
        torch.testing.assert_close(total, sum(part for part, _ in parts), rtol=1e-4, atol=1e-5)
        assert float(count) == pytest.approx(float(sum(number for _, number in parts)), rel=1e-5)
        total.backward()
        assert output.grad.isfinite().all() and output.grad.abs().sum() > 0

    def test_without_a_valid_pixel_the_loss_is_zero_with_a_graph(self):
        task = self.make()
        output = outputs_of(task).requires_grad_()
        total, count = task.loss(output, void_like(task, self.labels(task)))
        assert float(total) == 0 and float(count) == 0
        total.backward()
        assert not output.grad.abs().sum() > 0

    def test_void_pixels_do_not_count(self):
        task = self.make()
        label, first, second = self.labels(task), outputs_of(task), outputs_of(task)
        void = void_pixels(task, label)
        second += 5.0 * void[:, None]
        for a, b in zip(task.loss(first, label), task.loss(second, label), strict=True):
            torch.testing.assert_close(a, b)

    @pytest.mark.parametrize("mode", ["native", "legacy448"])
    def test_a_meter_does_not_depend_on_how_images_are_cut(self, mode):
        task = self.make()
        predictions, label = task.decode(outputs_of(task, 4)), self.labels(task, 4)
        whole = task.meter(mode)
        for index in range(4):
            whole.update(predictions[index : index + 1], label[index : index + 1])
        merged = task.meter(mode)
        for index in (3, 1, 0, 2):
            part = task.meter(mode)
            part.update(predictions[index : index + 1], label[index : index + 1])
            merged.merge(part.state())
        expected, got = whole.compute(), merged.compute()
        assert task.primary.name in expected and expected.keys() == got.keys()
        for name, value in expected.items():
            assert isinstance(value, float)
            assert got[name] == pytest.approx(value, rel=1e-9, nan_ok=True)

    def test_a_prediction_and_a_label_can_be_drawn(self):
        task = self.make()
        label, prediction = self.labels(task)[0].numpy(), task.decode(outputs_of(task))[0].numpy()
        for picture in (task.draw(label), task.draw(np.asarray(prediction))):
            assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[-1] == 3
