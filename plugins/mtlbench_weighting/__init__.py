"""Balancers that weight task losses."""

from mtlbench.plugin import Balancer, hookimpl


@hookimpl
def mtlbench_balancers():
    """Return the records of all balancers."""
    return [
        Balancer(
            name="equal",
            target="mtlbench_weighting.equal:Equal",
            summary="Sum the task losses.",
        ),
        Balancer(
            name="fixed",
            target="mtlbench_weighting.fixed:Fixed",
            summary="Weight each task by a constant; the literature's by default.",
            reference="Vandenhende et al., TPAMI 2021",
        ),
        Balancer(
            name="dwa",
            target="mtlbench_weighting.dwa:DWA",
            summary="Weight tasks by how little their losses fell over the last two epochs.",
            reference="Liu et al., CVPR 2019",
        ),
        Balancer(
            name="uw",
            target="mtlbench_weighting.uw:UW",
            summary="Learn each task's weight as its homoscedastic uncertainty.",
            reference="Kendall et al., CVPR 2018",
        ),
        Balancer(
            name="log",
            target="mtlbench_weighting.log:Log",
            summary="Sum the logarithms of the losses.",
            reference="Navon et al., ICML 2022",
        ),
        Balancer(
            name="gls",
            target="mtlbench_weighting.gls:GLS",
            summary="Minimise the geometric mean of the losses.",
            reference="Chennupati et al., CVPRW 2019",
        ),
        Balancer(
            name="rlw",
            target="mtlbench_weighting.rlw:RLW",
            summary="Draw new weights at random in every step.",
            reference="Lin et al., TMLR 2022",
        ),
        Balancer(
            name="imtl-l",
            target="mtlbench_weighting.imtl_l:IMTLL",
            summary="Learn scales that bring all losses to the same size.",
            reference="Liu et al., ICLR 2021",
        ),
        Balancer(
            name="uw-so",
            target="mtlbench_weighting.uw_so:UWSO",
            summary="Take uncertainty weighting at its analytical optimum, softened.",
            reference="Kirchdorfer et al., 2024, arXiv 2408.07985",
        ),
        Balancer(
            name="dtp",
            target="mtlbench_weighting.dtp:DTP",
            summary="Give more weight to tasks that do badly.",
            reference="Guo et al., ECCV 2018",
        ),
        Balancer(
            name="cov",
            target="mtlbench_weighting.cov:CoV",
            summary="Weight tasks by how much their losses vary against their own means.",
            reference="Groenendijk et al., WACV 2021",
        ),
        Balancer(
            name="famo",
            target="mtlbench_weighting.famo:FAMO",
            summary="Let all losses fall at the same rate, at the cost of one more forward pass.",
            reference="Liu et al., NeurIPS 2023",
        ),
        Balancer(
            name="stch",
            target="mtlbench_weighting.stch:STCH",
            summary="Minimise a smooth maximum of the losses.",
            reference="Lin et al., ICML 2024",
        ),
        Balancer(
            name="go4align",
            target="mtlbench_weighting.go4align:GO4Align",
            summary="Bring losses to one scale, and weight groups of tasks alike.",
            reference="Shen et al., NeurIPS 2024, arXiv 2404.06486",
        ),
        Balancer(
            name="achievement",
            target="mtlbench_weighting.achievement:Achievement",
            summary="Weight tasks by how far they are from their single-task models.",
            reference="Yun and Cho, ICCV 2023",
        ),
    ]
