"""One dataset made of several that label different tasks."""

from mtlbench.plugin import Dataset, hookimpl


@hookimpl
def mtlbench_datasets():
    """Return the record of the dataset."""
    return [
        Dataset(
            name="union",
            target="mtlbench_union.dataset:Union",
            summary="Several datasets as one, each with labels of some of the tasks.",
        )
    ]
