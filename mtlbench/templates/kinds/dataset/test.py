"""Hold the dataset to the bench's contract."""

from typing import ClassVar

from mtlbench.testing.dataset_contract import DatasetContract
from {{package}}.{{module}} import {{Class}}


class Test{{Class}}(DatasetContract):
    kinds: ClassVar[dict[str, str]] = {"semseg": "classes", "depth": "scalar"}

    def make(self, split, tasks):
        return {{Class}}(split, tasks, size=(32, 48), images=4)
