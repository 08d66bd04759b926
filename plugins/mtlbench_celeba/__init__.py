"""CelebA: faces with 40 attributes."""

from mtlbench.plugin import Dataset, hookimpl


@hookimpl
def mtlbench_datasets():
    """Return the record of the dataset."""
    return [
        Dataset(
            name="celeba",
            target="mtlbench_celeba.dataset:CelebA",
            summary="CelebA: 202,599 aligned faces with 40 attributes, each a task.",
            reference="Liu et al., ICCV 2015",
        )
    ]
