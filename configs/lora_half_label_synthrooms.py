# Adapter `lora` where every task shows labels of half of the images; of no board.
_base_ = "_base_/settings/synthrooms.py"
name = "lora-half-label"
board = None
adapter = dict(type="lora", rank=16)
label_protocol = dict(
    type="half-label",
    tasks=("semseg", "depth", "normals", "edge", "saliency"),
)
