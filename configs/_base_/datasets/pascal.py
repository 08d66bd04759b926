# PASCAL-Context with five tasks, augmented as in the MTLoRA line: flip, rotation and zoom, resize to 448x448.
tasks = dict(
    semseg=dict(type="semseg", classes=21),
    human_parts=dict(type="human_parts", classes=7),
    saliency=dict(type="saliency"),
    normals=dict(type="normals"),
    edge=dict(type="edge", max_dist=0.0075),
)
dataset = dict(type="pascal", root="data/PASCAL_MT")
train_transforms = [
    dict(type="RandomFlip", p=0.5),
    dict(type="RandomRotateScale", degrees=20, scales=(0.75, 1.25), y_axis="down"),
    dict(type="Resize", size=(448, 448)),
]
eval_transforms = [dict(type="Resize", size=(448, 448))]
demo = dict(
    layout="pascal",
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
