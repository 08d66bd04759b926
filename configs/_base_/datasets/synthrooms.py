# Rooms with exact labels, rendered on first use; five tasks.
board = "synthrooms-v1"
tasks = dict(
    semseg=dict(type="semseg", classes=14),
    depth=dict(type="depth"),
    normals=dict(type="normals"),
    edge=dict(type="edge"),
    saliency=dict(type="saliency"),
)
dataset = dict(type="synthrooms", size=(96, 128), train_rooms=512, val_rooms=128)
train_transforms = [dict(type="RandomFlip", p=0.5)]
eval_transforms = []
