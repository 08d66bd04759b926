from __future__ import annotations

import numpy as np
import pytest

from mtlbench.data.geometry import Geometric, Move
from mtlbench.data.transforms import RandomFlip, RandomRotateScale, RandomScale, RandomScaleCrop, Resize
from mtlbench.data.view import EvalView, TrainView

KINDS = {
    "semseg": "classes",
    "depth": "scalar",
    "inverse": "inverse",
    "normals": "vector",
    "albedo": "image",
}
CHAINS = [
    [RandomFlip(), RandomScaleCrop(), Resize((20, 20))],
    [RandomScaleCrop(), RandomFlip(), RandomScaleCrop((1.5, 2)), RandomFlip()],
    [RandomFlip(p=1), RandomFlip(p=1)],
    [RandomFlip(p=1), RandomFlip(p=1), Resize((24, 32)), RandomFlip(p=1)],
    [Resize((48, 40)), Resize((24, 32)), RandomFlip(p=1), Resize((25, 7))],
    [RandomFlip(), RandomRotateScale(), Resize((20, 20)), RandomFlip()],
    [RandomFlip(p=0)],
    [RandomScale(), RandomFlip(), RandomScale((0.7, 1.3)), Resize((9, 30))],
]


class Labelled:
    """Hold random samples, with an inverse depth too."""

    def __init__(self, dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int):
        sample = self.dataset[index]
        depth, normals = sample["labels"]["depth"], sample["labels"]["normals"]
        depth[:3] = normals[:, :4] = 0  # void
        sample["labels"]["inverse"] = np.divide(1, depth, where=depth > 0, out=np.zeros_like(depth))
        return sample


def content(sample) -> dict:
    arrays = {"image": sample["image"], **sample["labels"]}
    return {part: (array.dtype, array.shape, array.tobytes()) for part, array in arrays.items()}


@pytest.mark.parametrize("chain", CHAINS)
def test_joined_transforms_yield_what_they_yield_one_by_one(fake, chain):
    class Alone:
        """Hide from the view that a transform could be joined to others."""

        def __init__(self, transform) -> None:
            self.transform = transform

        def __call__(self, sample):
            return self.transform(sample)

    dataset = Labelled(fake())
    joined = TrainView(dataset, KINDS, chain, seed=3)
    alone = TrainView(dataset, KINDS, [Alone(transform) for transform in chain], seed=3)
    for key in np.ndindex(4, len(dataset)):
        assert content(joined[key]) == content(alone[key])


@pytest.mark.parametrize("chain", CHAINS)
def test_a_dataset_is_left_as_it_was(fake, chain):
    dataset = Labelled(fake(1))
    sample = dataset[0]
    before = content(sample)
    view = TrainView([sample], KINDS, chain, seed=3)
    for epoch in range(4):
        view[epoch, 0]
    assert content(sample) == before


def test_a_mirrored_cut_out_and_resized_label_shows_the_pixels_that_are_nearest():
    class Steps(Geometric):
        def draw(self, size, rng):
            assert size == (12, 16)
            return Move(mirrored=True, window=np.s_[2:10, 3:13], size=(5, 7))

    places = np.arange(12 * 16, dtype=np.float32).reshape(12, 16)
    sample = {"id": "a", "image": np.zeros((12, 16, 3), np.uint8), "labels": {"depth": places}}
    got = EvalView([sample], {"depth": "scalar"}, [Steps()], with_labels=True)[0]["labels"]["depth"]
    for row, column in np.ndindex(5, 7):
        y, x = (row + 0.5) * 8 / 5 - 0.5 + 2, 15 - ((column + 0.5) * 10 / 7 - 0.5 + 3)
        from_y, from_x = divmod(int(got[row, column]), 16)
        assert abs(from_y - y) <= 0.5 and abs(from_x - x) <= 0.5


def test_a_subclass_that_does_more_is_not_bypassed(fake):
    class Brighter(RandomFlip):
        def transform(self, sample):
            sample = super().transform(sample)
            sample["image"] = np.full_like(sample["image"], 255)
            return sample

    view = TrainView(fake(), KINDS, [RandomFlip(), Brighter(), Resize((9, 9))], seed=0)
    assert (view[0, 0]["image"] == 255).all()
