"""Decoders that share across tasks: distillation, task attention, transformers over all tasks."""

from mtlbench.plugin import Decoder, hookimpl


@hookimpl
def mtlbench_decoders():
    """Offer a decoder for each architecture."""
    return [
        Decoder(
            name="pad-net",
            target="mtlbench_sharing.pad_net:PADNet",
            summary="First predictions per task, gated messages between tasks, final predictions.",
            reference="Xu et al., CVPR 2018, arXiv 1805.04409",
        ),
        Decoder(
            name="mti-net",
            target="mtlbench_sharing.mti_net:MTINet",
            summary="PAD-Net's messages at four scales, features propagated from coarse to fine.",
            reference="Vandenhende, Georgoulis, Van Gool, ECCV 2020, arXiv 2001.06902",
        ),
        Decoder(
            name="mtan",
            target="mtlbench_sharing.mtan:MTAN",
            summary="A chain of attention masks per task on the shared levels.",
            reference="Liu, Johns, Davison, CVPR 2019, arXiv 1803.10704",
        ),
        Decoder(
            name="invpt",
            target="mtlbench_sharing.invpt:InvPT",
            summary="Attention over all pixels of all tasks, in stages of growing resolution.",
            reference="Ye, Xu, ECCV 2022, arXiv 2203.07997",
        ),
        Decoder(
            name="atrc",
            target="mtlbench_sharing.atrc:ATRC",
            summary="A context per ordered pair of tasks: global, local, or of regions by labels.",
            reference="Brüggemann et al., ICCV 2021, arXiv 2104.13874",
        ),
        Decoder(
            name="mtformer",
            target="mtlbench_sharing.mtformer:MTFormer",
            summary="Swin blocks shared, per task, and across tasks by attention maps of all tasks.",
            reference="Xu et al., ECCV 2022",
        ),
    ]
