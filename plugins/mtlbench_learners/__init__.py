"""Learners: what is done about missing labels beyond leaving them out."""

from mtlbench.plugin import Learner, hookimpl


@hookimpl
def mtlbench_learners():
    """Return the records of all learners."""
    return [
        Learner(
            name="ss-consistency",
            target="mtlbench_learners.ss_consistency:SSConsistency",
            summary="Agree with oneself on a second view where a task has no label.",
            reference="Li et al., CVPR 2022 (baseline)",
        ),
    ]
