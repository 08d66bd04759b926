"""Tasks of dense prediction: losses, metrics and palettes of the literature."""

from mtlbench.plugin import Task, hookimpl


@hookimpl
def mtlbench_tasks():
    """Return the records of all tasks."""
    return [
        Task(
            name="semseg",
            target="mtlbench_tasks.semseg:SemSeg",
            summary="Semantic segmentation: cross entropy, mIoU.",
        ),
        Task(
            name="human_parts",
            target="mtlbench_tasks.human_parts:HumanParts",
            summary="Human part segmentation: cross entropy, mIoU over images with people.",
        ),
        Task(
            name="depth",
            target="mtlbench_tasks.depth:Depth",
            summary="Depth in metres: L1, rmse.",
        ),
        Task(
            name="normals",
            target="mtlbench_tasks.normals:Normals",
            summary="Surface normals: L1 of unit vectors, mean angular error.",
        ),
        Task(
            name="edge",
            target="mtlbench_tasks.edge:Edge",
            summary="Boundary detection: weighted binary cross entropy, odsF.",
            reference="Martin et al., TPAMI 2004",
        ),
        Task(
            name="saliency",
            target="mtlbench_tasks.saliency:Saliency",
            summary="Saliency: binary cross entropy balanced per image, maxF.",
            reference="Xie and Tu, ICCV 2015 (loss)",
        ),
        Task(
            name="attribute",
            target="mtlbench_tasks.attribute:Attribute",
            summary="Attribute of a whole image: binary cross entropy of the mean logit, error.",
        ),
        Task(
            name="regression",
            target="mtlbench_tasks.regression:Regression",
            summary="Images in [0, 1], such as albedo or shading: L1 or squared error, mean absolute error.",
        ),
    ]
