"""PASCAL-Context with the labels of the multi-task literature."""

from mtlbench.plugin import Dataset, hookimpl


@hookimpl
def mtlbench_datasets():
    """Return the record of the dataset."""
    return [
        Dataset(
            name="pascal",
            target="mtlbench_pascal.dataset:PASCAL",
            summary="PASCAL-Context: 4,998/5,105 photos; semseg, human parts, saliency, normals, edge.",
            reference="Mottaghi et al., CVPR 2014; Maninis et al., CVPR 2019",
        )
    ]
