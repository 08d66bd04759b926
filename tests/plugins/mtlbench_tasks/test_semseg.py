import math

import numpy as np
import pytest
import torch

from mtlbench_tasks.semseg import SemSeg


def test_cross_entropy_equals_a_loop_over_pixels():
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(2, 4, 3, 5, generator=generator)
    label = torch.randint(0, 4, (2, 3, 5), generator=generator, dtype=torch.uint8)
    label[0, 1] = 255
    expected = 0.0
    for b, y, x in np.ndindex(2, 3, 5):
        if label[b, y, x] != 255:
            logits = output[b, :, y, x].tolist()
            expected += math.log(sum(map(math.exp, logits))) - logits[label[b, y, x]]
    total, count = SemSeg(4).loss(output, label)
    assert total.item() == pytest.approx(expected, rel=1e-6)
    assert count == 25


def test_legacy_counts_absent_classes_as_zero():
    label = torch.zeros(1, 2, 2, dtype=torch.uint8)
    scores = {}
    for mode in ("native", "legacy448"):
        meter = SemSeg(4).meter(mode)
        meter.update(torch.zeros(1, 2, 2, dtype=torch.long), label)
        scores[mode] = meter.compute()["mIoU"]
    assert scores == {"native": 100, "legacy448": 25}


@pytest.mark.parametrize("mode", ["native", "legacy448"])
def test_what_absent_classes_count_can_be_said(mode):
    for absent, expected in (("skip", 100), ("zero", 25)):
        meter = SemSeg(4, absent=absent).meter(mode)
        meter.update(torch.zeros(1, 2, 2, dtype=torch.long), torch.zeros(1, 2, 2, dtype=torch.uint8))
        assert meter.compute()["mIoU"] == expected


def test_outlines_are_scored_only_where_they_are_asked_for():
    label = torch.zeros(1, 8, 8, dtype=torch.uint8)
    label[0, 2:6, 2:6] = 1
    scores = {}
    for boundary in (None, 0.0075):
        meter = SemSeg(4, boundary=boundary).meter()
        meter.update(label.long(), label)
        scores[boundary] = meter.compute()
    assert scores[0.0075] == scores[None] | {"boundary F": 100}


@pytest.mark.parametrize("classes", [2, 13, 21, 40])
def test_colours_are_distinct_and_none_is_voids(classes):
    drawing = SemSeg(classes).draw(np.append(np.arange(classes), 255).astype(np.uint8)[None])[0]
    assert len(np.unique(drawing, axis=0)) == classes + 1
    assert not drawing[-1].any()
    assert drawing[:-1].max(1).min() > 100


def test_a_palette_can_be_given():
    task = SemSeg(2, palette=[(1, 2, 3), (4, 5, 6)])
    assert task.draw(np.array([[1, 0]], dtype=np.uint8)).tolist() == [[[4, 5, 6], [1, 2, 3]]]
