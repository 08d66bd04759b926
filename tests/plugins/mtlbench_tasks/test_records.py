import importlib

import mtlbench_tasks
from mtlbench.contracts.task import Task


def test_every_record_names_a_task():
    records = mtlbench_tasks.mtlbench_tasks()
    assert {record.name for record in records} == {
        "semseg", "human_parts", "depth", "normals", "edge", "saliency", "attribute", "regression"
    }  # fmt: skip
    for record in records:
        module, name = record.target.split(":")
        assert issubclass(getattr(importlib.import_module(module), name), Task)
