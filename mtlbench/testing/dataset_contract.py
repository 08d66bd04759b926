"""The properties that every dataset must have; subclass in a plugin's tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from mtlbench.contracts.dataset import Dataset
from mtlbench.testing.labels import is_label


class DatasetContract(ABC):
    """Check a dataset on a few images; a subclass says how to make one, and what its labels are.

    Example:
        class TestMine(DatasetContract):
            kinds = {"depth": "scalar"}

            def make(self, split, tasks):
                return Mine(split, tasks, images=4)
    """

    #: task -> kind of its labels, see `mtlbench.contracts.task.LabelKind`
    kinds: ClassVar[Mapping[str, str]]

    @abstractmethod
    def make(self, split: str, tasks: Sequence[str]) -> Dataset:
        """Open one split, with as few images as will do."""

    def opened(self, split: str = "train") -> Dataset:
        """Open one split with all tasks."""
        return self.make(split, tuple(self.kinds))

    def test_samples_are_what_the_contract_says(self):
        for split in ("train", "val"):
            dataset = self.opened(split)
            assert len(dataset) == len(dataset.ids) == len(set(dataset.ids)) > 0
            for index in range(min(3, len(dataset))):
                sample = dataset[index]
                image = sample["image"]
                assert sample["id"] == dataset.ids[index]
                assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
                for task, label in sample["labels"].items():
                    assert is_label(self.kinds[task], label, image.shape[:2]), task

    def test_reading_twice_gives_the_same(self):
        first, second = self.opened()[0], self.opened()[0]
        assert np.array_equal(first["image"], second["image"])
        assert first["labels"].keys() == second["labels"].keys()
        for task, label in first["labels"].items():
            assert np.array_equal(label, second["labels"][task])

    def test_only_what_is_asked_for_is_read(self):
        task = next(iter(self.kinds))
        alone, all_tasks = self.make("train", (task,)), self.opened()
        assert alone.ids == all_tasks.ids
        assert set(alone[0]["labels"]) <= {task}

    def test_splits_share_no_image(self):
        assert not {*self.opened("train").ids} & {*self.opened("val").ids}

    def test_a_fingerprint_tells_splits_apart(self):
        train, again, val = self.opened(), self.opened(), self.opened("val")
        assert train.fingerprint() == again.fingerprint() != val.fingerprint()
