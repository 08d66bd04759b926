"""Balancers that combine the gradients of tasks."""

from mtlbench.plugin import Balancer, hookimpl


@hookimpl
def mtlbench_balancers():
    """Return the records of all balancers."""
    package = "mtlbench_gradients"
    return [
        Balancer(
            name="mgda",
            target=f"{package}.mgda:MGDA",
            summary="Follow the shortest vector of the gradients' convex hull.",
            reference="Sener and Koltun, NeurIPS 2018",
        ),
        Balancer(
            name="mgda-ub",
            target=f"{package}.mgda:MGDAUB",
            summary="MGDA on the gradients by the features between backbone and decoder.",
            reference="Sener and Koltun, NeurIPS 2018",
        ),
        Balancer(
            name="pcgrad",
            target=f"{package}.pcgrad:PCGrad",
            summary="Project gradients off those they conflict with, and sum.",
            reference="Yu et al., NeurIPS 2020",
        ),
        Balancer(
            name="gradvac",
            target=f"{package}.gradvac:GradVac",
            summary="Turn gradients towards each other up to their usual cosine, and sum.",
            reference="Wang et al., ICLR 2021",
        ),
        Balancer(
            name="imtl-g",
            target=f"{package}.imtl_g:IMTLG",
            summary="Combine gradients so that the sum projects alike on every one.",
            reference="Liu et al., ICLR 2021",
        ),
        Balancer(
            name="cagrad",
            target=f"{package}.cagrad:CAGrad",
            summary="Help the worst task most, in a ball around the mean gradient.",
            reference="Liu et al., NeurIPS 2021",
        ),
        Balancer(
            name="nash",
            target=f"{package}.nash:Nash",
            summary="Let the tasks bargain for the direction of the update.",
            reference="Navon et al., ICML 2022",
        ),
        Balancer(
            name="fairgrad",
            target=f"{package}.nash:FairGrad",
            summary="Weight gradients by a rule of fairness; Nash bargaining is one.",
            reference="Ban and Ji, ICML 2024",
        ),
        Balancer(
            name="aligned",
            target=f"{package}.aligned:Aligned",
            summary="Give the matrix of gradients equal singular values.",
            reference="Senushkin et al., CVPR 2023",
        ),
        Balancer(
            name="aligned-ub",
            target=f"{package}.aligned:AlignedUB",
            summary="Aligned-MTL on the gradients by the features between backbone and decoder.",
            reference="Senushkin et al., CVPR 2023",
        ),
        Balancer(
            name="upgrad",
            target=f"{package}.upgrad:UPGrad",
            summary="Project every gradient on the cone without conflict, and average.",
            reference="Quinton and Rey, 2024, arXiv 2406.16232",
        ),
        Balancer(
            name="dualproj",
            target=f"{package}.upgrad:DualProj",
            summary="Project the mean gradient on the cone without conflict.",
            reference="Lopez-Paz and Ranzato, NeurIPS 2017",
        ),
        Balancer(
            name="norm-equal",
            target=f"{package}.norm_equal:NormEqual",
            summary="Scale gradients towards equal norms.",
            reference="Guo et al., 2025, arXiv 2509.23915",
        ),
        Balancer(
            name="gradnorm",
            target=f"{package}.gradnorm:GradNorm",
            summary="Learn weights under which tasks that lag have larger gradients.",
            reference="Chen et al., ICML 2018",
        ),
        Balancer(
            name="conicgrad",
            target=f"{package}.conicgrad:ConicGrad",
            summary="Help the worst task most, in a cone around the mean gradient.",
            reference="Hassanpour et al., 2025, arXiv 2502.00217",
        ),
        Balancer(
            name="db-mtl",
            target=f"{package}.db_mtl:DBMTL",
            summary="Log losses, and averaged gradients scaled to the largest norm.",
            reference="Lin et al., 2023, arXiv 2308.12029",
        ),
        Balancer(
            name="moco",
            target=f"{package}.moco:MoCo",
            summary="Combine tracked gradients with slowly moving weights.",
            reference="Fernando et al., ICLR 2023",
        ),
    ]
