"""Procedural indoor rooms with exact labels: runs everywhere, needs no download."""

from mtlbench.plugin import Dataset, hookimpl


@hookimpl
def mtlbench_datasets():
    """Return the record of the dataset."""
    return [
        Dataset(
            name="synthrooms",
            target="mtlbench_synthrooms.dataset:SynthRooms",
            summary="Ray-cast rooms with exact labels, rendered on first use and cached.",
        )
    ]
