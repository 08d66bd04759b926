"""Whole models of timm's Swin-T on four PASCAL tasks train the published numbers of parameters."""

from __future__ import annotations

import pytest

from mtlbench.engine.config import validate
from mtlbench.engine.inspection import inspect_parameters
from mtlbench.plugin import Catalog

#: the shared update of the last block's fc2 never sees a gradient; the releases create and count it
DEAD_RANK = 3072 + 768
DEAD_FC2 = DEAD_RANK * 32 + 768


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


HRNET = {"type": "hrnet"}


def mtlora(rank: int, **options) -> dict:
    return {"type": "mtlora", "rank": rank, **options}


@pytest.mark.parametrize(
    "adapter, decoder, published, uncounted",
    [
        ({"type": "faar", "rank": 32}, {"type": "ts-pd"}, 6_694_906, DEAD_FC2),
        ({"type": "frozen"}, HRNET, 1_946_624, 0),
        ({"type": "full"}, HRNET, 29_464_442, 0),
        (mtlora(16), HRNET, 4_953_146, DEAD_RANK * 16),
        (mtlora(32), HRNET, 6_083_642, DEAD_RANK * 32),
        (mtlora(64), HRNET, 8_344_634, DEAD_RANK * 64),
        ({"type": "no-adapter"}, HRNET, 3_546_170, 0),
        ({"type": "tadformer", "rank": 64}, HRNET, 7_379_262, 5_952),
        (mtlora(4, task_rank=4, plus=True), HRNET, 2_573_114, DEAD_RANK * 4),
        (mtlora(8, task_rank=8, plus=True), HRNET, 3_148_346, DEAD_RANK * 8),
        (mtlora(16, task_rank=16, plus=True), HRNET, 4_298_810, DEAD_RANK * 16),
        (mtlora(16, plus=True), HRNET, 3_469_370, DEAD_RANK * 16),
        (mtlora(32, plus=True), HRNET, 4_664_378, DEAD_RANK * 32),
        (mtlora(64, plus=True), HRNET, 7_054_394, DEAD_RANK * 64),
    ],
    ids=[
        "faar",
        "frozen",
        "full",
        "r16",
        "r32",
        "r64",
        "no-adapter",
        "tadformer-r64",
        "plus-r4",
        "plus-r8",
        "plus-r16",
        "plus-r16-4",
        "plus-r32-4",
        "plus-r64-4",
    ],
)
def test_what_trains_is_what_was_published(adapter, decoder, published, uncounted):
    report, _ = inspect_parameters(experiment(adapter, decoder), Catalog.load())
    assert report.trainable + uncounted == published
    assert report.trainable == sum(
        (report.adapter, report.backbone, report.decoder, report.balancer, report.learner)
    )
    assert report.dead == 0


def test_dead_parameters_are_listed_apart():
    report, _ = inspect_parameters(experiment(mtlora(64, dead=True), HRNET), Catalog.load())
    assert (report.trainable, report.dead) == (8_344_634, 245_760)
