"""Taskonomy: photos of 537 buildings with geometric, texture and semantic labels."""

from mtlbench.plugin import Dataset, hookimpl


@hookimpl
def mtlbench_datasets():
    """Return the record of the dataset."""
    return [
        Dataset(
            name="taskonomy",
            target="mtlbench_taskonomy.dataset:Taskonomy",
            summary="Taskonomy, tiny to full+: 512x512 photos of buildings with 2D, 3D and semantic labels.",
            reference="Zamir et al., CVPR 2018",
        )
    ]
