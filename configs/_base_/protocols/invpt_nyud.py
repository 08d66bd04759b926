# InvPT on NYUDv2 (Ye and Xu, ECCV 2022; ATRC before and TaskPrompter after it; public code): four tasks,
# scale 0.5 to 2, crops of 448x576 with less than 75 % of one class, colours distorted, Adam for 40,000
# batches of 2, scored at the photo's own size. Departures: those of invpt_pascal; and photos of the release
# at 480x640 are larger than the frame of 448x576 that InvPT puts its own, 425x560, into: they are evaluated
# as they are.
_base_ = "../datasets/nyud.py"
train_transforms = [
    dict(type="RandomScale", scales=(0.5, 2.0)),
    dict(type="RandomCrop", size=(448, 576), cat_max_ratio=0.75),
    dict(type="RandomFlip", p=0.5),
    dict(type="PhotoMetricDistortion"),
    dict(type="Pad", size=(448, 576), centred=True, colour=(124, 116, 104)),  # ImageNet's mean
]
eval_transforms = [dict(type="Pad", size=(448, 576), centred=True, colour=(124, 116, 104))]
# normals: InvPT's weight of 10 is on an L1 that sums over the three channels, where ours takes their mean
balancer = dict(type="fixed", weights=dict(semseg=1.0, depth=1.0, normals=30.0, edge=50.0))
optimizer = dict(type="Adam", lr=2e-5, weight_decay=1e-6)
schedule = dict(batch_size=2, iterations=40_000, curve="poly", eval_batch_size=6, workers=4)
demo = dict(
    _delete_=True,
    layout="nyud",
    rooms=(12, 4),
    size=(120, 160),
    **{
        "train_transforms.1.size": (96, 112),
        "train_transforms.4.size": (96, 112),
        "eval_transforms.0.size": (128, 176),
        "backbone.image_size": (96, 112),
        "+backbone.pretrained": False,
        "schedule.iterations": 6,
    },
)
