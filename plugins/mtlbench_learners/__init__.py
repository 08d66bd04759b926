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
        Learner(
            name="xtc-direct",
            target="mtlbench_learners.xtc_direct:XTCDirect",
            summary="Map the prediction of an unlabelled task to the label of another.",
            reference="Zamir et al., CVPR 2020; Li et al., CVPR 2022 (baseline)",
        ),
        Learner(
            name="xtc-perceptual",
            target="mtlbench_learners.xtc_perceptual:XTCPerceptual",
            summary="Compare mapped predictions and labels as a further mapping network sees them.",
            reference="Zamir et al., CVPR 2020; Li et al., CVPR 2022 (baseline)",
        ),
        Learner(
            name="mtpsl",
            target="mtlbench_learners.mtpsl:MTPSL",
            summary="Map unlabelled predictions and labels of each pair of tasks to a joint space.",
            reference="Li et al., CVPR 2022",
        ),
        Learner(
            name="jtr",
            target="mtlbench_learners.jtr:JTR",
            summary="Regularise the predictions of all tasks together by an auto-encoder.",
            reference="Nishi et al., CVPR 2024",
        ),
        Learner(
            name="pseudo-label",
            target="mtlbench_learners.pseudo_label:PseudoLabel",
            summary="Fill missing labels with what finished single-task runs predict.",
            reference="Ghiasi et al., ICCV 2021",
        ),
    ]
