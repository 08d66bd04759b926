# Taskonomy tiny, the five tasks of Standley et al. (ICML 2020): flip, 256x256, nothing beyond 16 m.
tasks = dict(
    semseg=dict(type="semseg", classes=17),
    depth=dict(type="depth"),
    normals=dict(type="normals"),
    keypoints2d=dict(type="regression", channels=1),
    edge_texture=dict(type="regression", channels=1),
)
dataset = dict(type="taskonomy", root="data/taskonomy", subset="tiny", max_depth=16.0)
train_transforms = [dict(type="RandomFlip", p=0.5), dict(type="Resize", size=(256, 256))]
eval_transforms = [dict(type="Resize", size=(256, 256))]
demo = dict(
    layout="taskonomy",
    rooms=(12, 4),
    size=(128, 128),
    **{
        "train_transforms.1.size": (96, 96),
        "eval_transforms.0.size": (96, 96),
        "+backbone.pretrained": False,
        "schedule.batch_size": 2,
        "+schedule.epochs": None,
        "schedule.iterations": 6,
    },
)
