from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from mtlbench.data.collate import collate_eval, collate_train
from mtlbench.data.sampler import StepSampler
from mtlbench.data.view import EvalView, TrainView
from mtlbench.errors import MtlbenchError

VOID = {"semseg": 255, "depth": 0, "normals": 0}
SHAPES = {"semseg": (24, 32), "depth": (24, 32), "normals": (3, 24, 32), "albedo": (3, 24, 32)}


def test_a_batch_holds_what_the_contract_says(fake, kinds):
    view = TrainView(fake(), kinds, [], seed=0)
    batch = collate_train([view[0, 1], view[0, 2]], kinds)
    assert batch["inputs"].shape == (2, 3, 24, 32) and batch["inputs"].dtype == torch.uint8
    assert batch["ids"] == ["img1", "img2"]
    original = fake()[2]
    np.testing.assert_array_equal(batch["inputs"][1].permute(1, 2, 0), original["image"])
    for task, shape in SHAPES.items():
        label = batch["labels"][task]
        assert label.shape == (2, *shape)
        assert label.dtype == (torch.uint8 if task == "semseg" else torch.float32)
        expected = original["labels"][task]
        np.testing.assert_array_equal(
            label[1], np.moveaxis(expected, 2, 0) if expected.ndim == 3 else expected
        )
        assert batch["labelled"][task].tolist() == [True, True]


@pytest.mark.parametrize("missing", [{(1, "*")}, {(1, "*"), (2, "*")}])
def test_missing_labels_are_void_and_said_to_be_missing(fake, kinds, missing):
    gaps = {(index, task) for index, _ in missing for task in kinds}
    view = TrainView(fake(missing=gaps), kinds, [], seed=0)
    batch = collate_train([view[0, 1], view[0, 2]], kinds)
    present = [(1, "*") not in missing, (2, "*") not in missing]
    for task in kinds:
        assert batch["labelled"][task].tolist() == present
        empty = batch["labels"][task][0]
        assert bool(empty.isnan().all() if task == "albedo" else (empty == VOID[task]).all())
        if any(present):
            assert batch["labels"][task].shape == (2, *SHAPES[task])


def test_images_of_different_sizes_are_refused_with_the_way_on(fake, kinds):
    first, second = (TrainView(fake(), kinds, [{"type": "Resize", "size": size}], 0)[0, 0]
                     for size in ((8, 8), (8, 16)))  # fmt: skip
    with pytest.raises(MtlbenchError, match=r"8x8 and 8x16.*Resize"):
        collate_train([first, second], kinds)


def test_evaluation_keeps_labels_per_image_and_says_what_is_padding(fake, kinds):
    view = EvalView(fake(missing={(1, "depth")}), kinds, [{"type": "Pad", "multiple": 16}])
    batch = collate_eval([view[0], view[1]], kinds)
    assert batch["inputs"].shape == (2, 3, 32, 32) and batch["content"] == [(0, 0, 24, 32)] * 2
    assert batch["labels"]["depth"][1] is None
    assert [label.shape for label in batch["labels"]["normals"]] == [(3, 24, 32)] * 2


def test_batches_do_not_depend_on_the_number_of_workers(fake, kinds):
    view = TrainView(fake(), kinds, [{"type": "RandomFlip"}, {"type": "RandomRotateScale"}], seed=5)

    def batches(workers: int) -> list[dict]:
        loader = DataLoader(view, batch_sampler=StepSampler(6, 2, seed=5), num_workers=workers,
                            collate_fn=lambda samples: collate_train(samples, kinds))  # fmt: skip
        return [batch for batch, _ in zip(loader, range(4))]  # noqa: B905 - the sampler has no end

    for first, second in zip(batches(0), batches(2), strict=True):
        assert first["ids"] == second["ids"]
        assert torch.equal(first["inputs"], second["inputs"])
        for task in kinds:
            torch.testing.assert_close(
                first["labels"][task], second["labels"][task], equal_nan=True, rtol=0, atol=0
            )
