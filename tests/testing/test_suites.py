"""Hold every component that ships, of the kinds that others' suites don't reach, to its kind's contract."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from mtlbench.plugin import Catalog
from mtlbench.testing.backbone_contract import BackboneContract
from mtlbench.testing.balancer_contract import BalancerContract
from mtlbench.testing.dataset_contract import DatasetContract
from mtlbench.testing.label_protocol_contract import LabelProtocolContract
from mtlbench.testing.learner_contract import LearnerContract
from mtlbench.testing.task_contract import TaskContract
from mtlbench.testing.tiny_backbone import TinyBackbone
from mtlbench.testing.tiny_tasks import TinyDepth, TinyNormals, TinySegmentation

CATALOG = Catalog.load()
TASKS = ("depth", "normals", "semseg")
#: what a component cannot be made without
OPTIONS: dict[str, dict[str, Any]] = {
    "fixed": {"weights": {"depth": 1.0, "normals": 10.0, "semseg": 2.0}},
    "semseg": {"classes": 5},
    "human_parts": {"classes": 4},
    "regression": {"channels": 2},
    "per-task-fraction": {"fractions": {"depth": 0.5, "normals": 0.25, "semseg": 1.0}},
    "per-task-count": {"counts": {"depth": 10, "normals": 20, "semseg": 30}},
    "few-shot-task": {"tasks": TASKS, "task": "semseg", "count": 5},
    **{name: {"tasks": TASKS} for name in ("one-label", "random-label", "half-label")},
    "achievement": {"single": {"depth": 0.5, "normals": 0.3, "semseg": 1.0}},
}
#: what needs files or another package, and is tested beside its plugin
ELSEWHERE = {"manifest", "cross-dataset", "pseudo-label", "torchjd"}


def named(kind: str) -> list[str]:
    return sorted({entry.record.name for entry in CATALOG.entries(kind)} - ELSEWHERE)


class _Named:
    """Take the component from the parameter of each test."""

    kind: str

    @pytest.fixture(autouse=True)
    def _component(self, name):
        self.name = name

    def build(self, *context: Any) -> Any:
        return CATALOG.resolve(self.kind, self.name)(*context, **OPTIONS.get(self.name, {}))


@pytest.mark.parametrize("name", named("balancer"))
class TestBalancers(_Named, BalancerContract):
    kind = "balancer"

    def make(self, tasks):
        return self.build(tasks)


@pytest.mark.parametrize("name", named("label_protocol"))
class TestLabelProtocols(_Named, LabelProtocolContract):
    kind = "label_protocol"

    def make(self):
        return self.build()


@pytest.mark.parametrize("name", named("learner"))
class TestLearners(_Named, LearnerContract):
    kind = "learner"

    def make(self, tasks, channels):
        return self.build(tasks, channels)


@pytest.mark.parametrize("name", named("task"))
class TestTasks(_Named, TaskContract):
    kind = "task"

    def make(self):
        return self.build()

    def labels(self, task, batch=3):
        label = super().labels(task, batch)
        return label[:, :1, :1].expand_as(label) % 2 if self.name == "attribute" else label


@pytest.mark.parametrize("tiny", [TinyDepth, TinyNormals, TinySegmentation])
class TestTinyTasks(TaskContract):
    @pytest.fixture(autouse=True)
    def _tiny(self, tiny):
        self.tiny = tiny

    def make(self):
        return self.tiny()


class TestTinyBackbone(BackboneContract):
    def make(self):
        return TinyBackbone()


class TestRoomsSwin(BackboneContract):
    def make(self):
        return CATALOG.resolve("backbone", "rooms-swin")(pretrained=False)


@pytest.mark.parametrize("model", ["swin_tiny_patch4_window7_224", "vit_tiny_patch16_224"])
class TestTimm(BackboneContract):
    @pytest.fixture(autouse=True)
    def _model(self, model):
        self.model = model

    def make(self):
        build = CATALOG.resolve("backbone", "timm")
        return build(name=self.model, pretrained=False, image_size=self.size)


class TestSynthrooms(DatasetContract):
    kinds: ClassVar[dict[str, str]] = {
        "semseg": "classes",
        "depth": "scalar",
        "normals": "vector",
        "edge": "classes",
        "saliency": "classes",
    }

    @pytest.fixture(autouse=True)
    def _cache(self, rooms_cache, monkeypatch):
        monkeypatch.setenv("MTLBENCH_CACHE", str(rooms_cache))

    def make(self, split, tasks):
        build = CATALOG.resolve("dataset", "synthrooms")
        return build(split, tasks, size=(32, 48), train_rooms=3, val_rooms=2)


@pytest.mark.parametrize(
    "entry", CATALOG.entries(None), ids=lambda entry: f"{entry.record.kind}-{entry.record.name}"
)
def test_every_component_says_what_it_is(entry):
    assert entry.record.summary.endswith(".")
    if not entry.record.requires:
        assert CATALOG.resolve(entry.record.kind, entry.record.name).__doc__
