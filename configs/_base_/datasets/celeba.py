# CelebA with the nine attributes that TAG (Fifty et al., NeurIPS 2021) groups, evaluated on the test split.
tasks = {
    "5_o_clock_shadow": dict(type="attribute"),
    "black_hair": dict(type="attribute"),
    "blond_hair": dict(type="attribute"),
    "brown_hair": dict(type="attribute"),
    "goatee": dict(type="attribute"),
    "mustache": dict(type="attribute"),
    "no_beard": dict(type="attribute"),
    "rosy_cheeks": dict(type="attribute"),
    "wearing_hat": dict(type="attribute"),
}
dataset = dict(type="celeba", root="data/celeba", heldout="test")
train_transforms = [dict(type="RandomFlip", p=0.5), dict(type="Resize", size=(224, 192))]
eval_transforms = [dict(type="Resize", size=(224, 192))]
demo = dict(
    layout="celeba",
    rooms=(12, 4),
    size=(109, 89),
    **{
        "dataset.heldout": "val",
        "train_transforms.1.size": (96, 96),
        "eval_transforms.0.size": (96, 96),
        "+backbone.pretrained": False,
        "schedule.batch_size": 2,
        "+schedule.epochs": None,
        "schedule.iterations": 6,
    },
)
