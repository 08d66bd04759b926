"""Whole models of timm's Swin-T on four PASCAL tasks train the published numbers of parameters."""

from __future__ import annotations

import pytest

from mtlbench.engine.config import validate
from mtlbench.engine.inspection import inspect_parameters
from mtlbench.plugin import Catalog

#: the shared update of the last block's fc2 never sees a gradient; the release creates and counts it
DEAD_FC2 = (3072 + 768) * 32 + 768


def experiment(adapter: dict, decoder: dict):
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
        "adapter": adapter,
        "decoder": decoder,
        "optimizer": {"lr": 1e-3},
        "schedule": {"batch_size": 1, "iterations": 1},
    }
    return validate(config, "the published setting")


@pytest.mark.parametrize(
    "adapter, decoder, published, uncounted",
    [
        ({"type": "faar", "rank": 32}, {"type": "ts-pd"}, 6_694_906, DEAD_FC2),
        ({"type": "frozen"}, {"type": "hrnet"}, 1_946_624, 0),
        ({"type": "full"}, {"type": "hrnet"}, 29_464_442, 0),
    ],
    ids=["faar", "frozen", "full"],
)
def test_what_trains_is_what_was_published(adapter, decoder, published, uncounted):
    report, _ = inspect_parameters(experiment(adapter, decoder), Catalog.load())
    assert report.trainable + uncounted == published
    assert report.trainable == sum(
        (report.adapter, report.backbone, report.decoder, report.balancer, report.learner)
    )
    assert report.dead == 0
