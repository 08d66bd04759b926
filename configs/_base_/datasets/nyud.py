# NYUDv2 with four tasks, augmented as in the MTLoRA line: flip, zoom-in, resize to 448x448.
tasks = dict(
    semseg=dict(type="semseg", classes=40),
    depth=dict(type="depth"),
    normals=dict(type="normals"),
    edge=dict(type="edge"),
)
dataset = dict(type="nyud", root="data/NYUD_MT")
train_transforms = [
    dict(type="RandomFlip", p=0.5),
    dict(type="RandomScaleCrop", scales=(1.0, 1.2, 1.5)),
    dict(type="Resize", size=(448, 448)),
]
eval_transforms = [dict(type="Resize", size=(448, 448))]
demo = dict(
    layout="nyud",
    rooms=(12, 4),
    size=(120, 160),
    **{
        "train_transforms.2.size": (96, 96),
        "eval_transforms.0.size": (96, 96),
        "backbone.image_size": (96, 96),
        "+backbone.pretrained": False,
        "schedule.batch_size": 2,
        "+schedule.epochs": None,
        "schedule.iterations": 6,
    },
)
