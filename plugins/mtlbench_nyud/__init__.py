"""NYUDv2 with the labels of the multi-task literature."""

from mtlbench.plugin import Dataset, hookimpl


@hookimpl
def mtlbench_datasets():
    """Return the record of the dataset."""
    return [
        Dataset(
            name="nyud",
            target="mtlbench_nyud.dataset:NYUD",
            summary="NYUDv2: 795/654 indoor photos; semseg (40 classes), depth, normals, edge.",
            reference="Silberman et al., ECCV 2012",
        )
    ]
