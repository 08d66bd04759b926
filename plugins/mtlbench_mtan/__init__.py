"""NYUv2 and Cityscapes as the MTAN authors packed them, used by LibMTL, MTPSL and many balancers' papers."""

from mtlbench.plugin import Dataset, hookimpl


@hookimpl
def mtlbench_datasets():
    """Return the records of both packages."""
    return [
        Dataset(
            name="mtan-nyuv2",
            target="mtlbench_mtan.nyuv2:MTANNYUv2",
            summary="NYUv2 of MTAN: 795/654 images of 288x384; semseg (13 classes), depth, normals.",
            reference="Liu et al., CVPR 2019",
        ),
        Dataset(
            name="mtan-cityscapes",
            target="mtlbench_mtan.cityscapes:MTANCityscapes",
            summary="Cityscapes of MTAN: 2975/500 images of 128x256 or 256x512; semseg (7 or 19 classes), "
            "inverse depth.",
            reference="Liu et al., CVPR 2019",
        ),
    ]
