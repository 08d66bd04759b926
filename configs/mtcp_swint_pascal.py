# MT-CP on PASCAL-Context with its three tasks at 512x512; a plain Swin-T where the release has a Mask2Former
# of ADE20K.
_base_ = ["_base_/datasets/pascal.py", "_base_/backbones/swin_tiny.py", "_base_/schedules/mtcp.py"]
name = "mtcp"
tasks = dict(
    _delete_=True,
    semseg=dict(type="semseg", classes=21),
    human_parts=dict(type="human_parts", classes=7),
    saliency=dict(type="saliency", metric="fgIoU"),
)
train_transforms = [
    dict(type="RandomFlip", p=0.5),
    dict(type="RandomRotateScale", degrees=20, scales=(0.75, 1.25)),
    dict(type="Resize", size=(512, 512)),
]
eval_transforms = [dict(type="Resize", size=(512, 512))]
backbone = dict(image_size=(512, 512))
adapter = dict(type="full")
decoder = dict(type="mt-cp")
balancer = dict(type="lps", spread=1.6)
