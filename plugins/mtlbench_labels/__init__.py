"""Partial supervision: which training labels may be seen, drawn from a seed or listed."""

from mtlbench.plugin import LabelProtocol, hookimpl

_MTPSL = "https://arxiv.org/abs/2111.14893"


@hookimpl
def mtlbench_label_protocols():
    """Return the records of all label protocols."""
    return [
        LabelProtocol(
            name="one-label",
            target="mtlbench_labels.per_image:OneLabel",
            summary="One label per image, as many images for every task.",
            reference=_MTPSL,
        ),
        LabelProtocol(
            name="random-label",
            target="mtlbench_labels.per_image:RandomLabel",
            summary="One to T-1 labels per image, drawn image by image.",
            reference=_MTPSL,
        ),
        LabelProtocol(
            name="half-label",
            target="mtlbench_labels.per_task:HalfLabel",
            summary="Half of the images for every task, drawn task by task.",
            reference="https://arxiv.org/abs/2404.01976",
        ),
        LabelProtocol(
            name="per-task-fraction",
            target="mtlbench_labels.per_task:PerTaskFraction",
            summary="A fraction of the images for every task.",
        ),
        LabelProtocol(
            name="per-task-count",
            target="mtlbench_labels.per_task:PerTaskCount",
            summary="A number of images for every task.",
        ),
        LabelProtocol(
            name="few-shot-task",
            target="mtlbench_labels.per_task:FewShotTask",
            summary="A few images for one task, all images for the others.",
        ),
        LabelProtocol(
            name="cross-dataset",
            target="mtlbench_labels.cross_dataset:CrossDataset",
            summary="Of every part of a union of datasets, the labels of its own tasks.",
        ),
        LabelProtocol(
            name="manifest",
            target="mtlbench_labels.listed:Listed",
            summary="The labels that a file names, such as a published draw.",
        ),
    ]
