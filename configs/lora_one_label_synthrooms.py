# Adapter `lora` where every image shows one label, as many images for every task; of no board.
_base_ = "_base_/settings/synthrooms.py"
name = "lora-one-label"
board = None
adapter = dict(type="lora", rank=16)
label_protocol = dict(
    type="one-label",
    tasks=("semseg", "depth", "normals", "edge", "saliency"),
)
