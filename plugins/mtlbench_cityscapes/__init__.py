"""Cityscapes as its authors publish it."""

from mtlbench.plugin import Dataset, hookimpl


@hookimpl
def mtlbench_datasets():
    """Return the record of the dataset."""
    return [
        Dataset(
            name="cityscapes",
            target="mtlbench_cityscapes.dataset:Cityscapes",
            summary="Cityscapes: 2975/500 street photos of 1024x2048; semseg (19 classes), disparity.",
            reference="Cordts et al., CVPR 2016",
        )
    ]
