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
    ]
