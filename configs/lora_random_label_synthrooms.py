# Adapter `lora` where every image shows one to four of five labels; of no board.
_base_ = "_base_/settings/synthrooms.py"
name = "lora-random-label"
board = None
adapter = dict(type="lora", rank=16)
label_protocol = dict(
    type="random-label",
    tasks=("semseg", "depth", "normals", "edge", "saliency"),
)
