"""On timm's Swin-T with four PASCAL tasks trains what was published, but for what never gets a gradient."""

import pytest

from mtlbench.engine.config import validate
from mtlbench.engine.inspection import inspect_parameters
from mtlbench.plugin import Catalog

#: diffeomorphisms of the shared stream in the very last proj, fc1 and fc2, which the release counts
DEAD = 3 * 63


@pytest.mark.slow
def test_what_trains_is_what_was_published():
    config = {
        "name": "pascal",
        "tasks": {
            "semseg": {"type": "semseg", "classes": 21},
            "human_parts": {"type": "human_parts"},
            "saliency": {"type": "saliency"},
            "normals": {"type": "normals"},
        },
        "dataset": {"type": "synthrooms"},
        "backbone": {"type": "timm", "name": "swin_tiny_patch4_window7_224", "image_size": (224, 224)},
        "adapter": {"type": "ditask"},
        "decoder": {"type": "hrnet"},
        "optimizer": {"lr": 1e-3},
        "schedule": {"batch_size": 1, "iterations": 1},
    }
    report, trained = inspect_parameters(validate(config, "the published setting"), Catalog.load())
    assert report.adapter + DEAD == 3024 + 144
    assert report.adapter + report.backbone + DEAD == 1_602_714
    assert report.trainable + DEAD == 3_549_338
    assert report.dead == 0
    assert sum(shape[0] for _, name, shape in trained if name.endswith(".task.theta")) == 144
