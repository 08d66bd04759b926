# InvPT on PASCAL-Context (Ye and Xu, ECCV 2022; ATRC before and TaskPrompter after it; public code): five
# tasks, scale 0.5 to 2, crops of 512x512 with less than 75 % of one class, colours distorted, Adam for 40,000
# batches of 2, scored at the photo's own size, which a centred frame of 512x512 holds. Departures: images are
# resized by area or bicubically, not bilinearly; saliency has one logit and is balanced per image; one set of
# 17 thresholds for edges and no suppression of non-maxima; maxF from the probability, not from a second
# sigmoid of it; biases and norms don't decay.
_base_ = "../datasets/pascal.py"
train_transforms = [
    dict(type="RandomScale", scales=(0.5, 2.0)),
    dict(type="RandomCrop", size=(512, 512), cat_max_ratio=0.75),
    dict(type="RandomFlip", p=0.5),
    dict(type="PhotoMetricDistortion"),
    dict(type="Pad", size=(512, 512), centred=True, colour=(124, 116, 104)),  # ImageNet's mean
]
eval_transforms = [dict(type="Pad", size=(512, 512), centred=True, colour=(124, 116, 104))]
# normals: InvPT's weight of 10 is on an L1 that sums over the three channels, where ours takes their mean
balancer = dict(
    type="fixed", weights=dict(semseg=1.0, human_parts=2.0, saliency=5.0, normals=30.0, edge=50.0)
)
optimizer = dict(type="Adam", lr=2e-5, weight_decay=1e-6)
schedule = dict(batch_size=2, iterations=40_000, curve="poly", eval_batch_size=6, workers=4)
demo = dict(
    _delete_=True,
    layout="pascal",
    rooms=(12, 4),
    size=(120, 160),
    **{
        "train_transforms.1.size": (96, 96),
        "train_transforms.4.size": (96, 96),
        "eval_transforms.0.size": (128, 176),
        "backbone.image_size": (96, 96),
        "+backbone.pretrained": False,
        "schedule.iterations": 6,
    },
)
