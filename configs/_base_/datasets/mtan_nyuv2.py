# NYUv2 as MTAN packed it, 13 classes, 288x384, augmented as in LibMTL: flip, zoom-in.
tasks = dict(
    semseg=dict(type="semseg", classes=13),
    depth=dict(type="depth"),
    normals=dict(type="normals"),
)
dataset = dict(type="mtan-nyuv2", root="data/mtan_nyuv2")
train_transforms = [
    dict(type="RandomFlip", p=0.5),
    dict(type="RandomScaleCrop", scales=(1.0, 1.2, 1.5)),
]
demo = dict(
    layout="mtan-nyuv2",
    rooms=(12, 4),
    size=(96, 128),
    **{
        "backbone.image_size": (96, 128),
        "+backbone.pretrained": False,
        "schedule.batch_size": 2,
        "+schedule.epochs": None,
        "schedule.iterations": 6,
    },
)
