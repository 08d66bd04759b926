# Cityscapes as MTAN packed it, 7 classes and inverse depth, 128x256, as in LibMTL and MTPSL: not augmented.
tasks = dict(
    semseg=dict(type="semseg", classes=7),
    depth=dict(type="depth", inverse=True, unit="", draw_to=0.25),
)
dataset = dict(type="mtan-cityscapes", root="data/mtan_cityscapes", classes=7)
demo = dict(
    layout="mtan-cityscapes",
    rooms=(12, 4),
    size=(64, 128),
    **{
        "backbone.image_size": (64, 128),
        "+backbone.pretrained": False,
        "schedule.batch_size": 2,
        "+schedule.epochs": None,
        "schedule.iterations": 6,
    },
)
