# MT-CP on NYUDv2 with its three tasks at 480x640; a plain Swin-T where the release has a Mask2Former of
# ADE20K.
_base_ = ["_base_/datasets/nyud.py", "_base_/backbones/swin_tiny.py", "_base_/schedules/mtcp.py"]
name = "mtcp"
tasks = dict(
    _delete_=True,
    semseg=dict(type="semseg", classes=40),
    depth=dict(type="depth"),
    normals=dict(type="normals"),
)
train_transforms = [
    dict(type="RandomFlip", p=0.5),
    dict(type="RandomScaleCrop", scales=(1.0, 1.2, 1.5)),
    dict(type="Resize", size=(480, 640)),
]
eval_transforms = [dict(type="Resize", size=(480, 640))]
backbone = dict(image_size=(480, 640))
adapter = dict(type="full")
decoder = dict(type="mt-cp")
balancer = dict(type="lps", spread=7.5)
