# Cityscapes, 19 classes and disparity: flip, zoom-in, resize to 512x1024; scored in 1024x2048.
tasks = dict(
    semseg=dict(type="semseg", classes=19),
    depth=dict(type="depth", inverse=True, unit="px", draw_to=64.0),
)
dataset = dict(type="cityscapes", root="data/cityscapes")
train_transforms = [
    dict(type="RandomFlip", p=0.5),
    dict(type="RandomScaleCrop", scales=(1.0, 1.2, 1.5)),
    dict(type="Resize", size=(512, 1024)),
]
eval_transforms = [dict(type="Resize", size=(512, 1024))]
demo = dict(
    layout="cityscapes",
    rooms=(12, 4),
    size=(96, 192),
    **{
        "train_transforms.2.size": (64, 128),
        "eval_transforms.0.size": (64, 128),
        "backbone.image_size": (64, 128),
        "+backbone.pretrained": False,
        "schedule.batch_size": 2,
        "+schedule.epochs": None,
        "schedule.iterations": 6,
    },
)
