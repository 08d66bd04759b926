"""Supervision: which labels are seen, and what is done about missing ones."""

from mtlbench.plugin import LabelProtocol, Learner, hookimpl


@hookimpl
def mtlbench_label_protocols():
    """Return the records of all label protocols."""
    return [
        LabelProtocol(
            name="full",
            target="mtlbench_supervision.full:Full",
            summary="Every label of every training image may be seen.",
        )
    ]


@hookimpl
def mtlbench_learners():
    """Return the records of all learners."""
    return [
        Learner(
            name="masked",
            target="mtlbench_supervision.masked:Masked",
            summary="Learn from the labels that exist and add nothing for missing ones.",
        )
    ]
