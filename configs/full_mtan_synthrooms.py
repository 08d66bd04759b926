# A fully fine-tuned backbone with MTAN's decoder, on the embedded dataset and backbone.
_base_ = [
    "_base_/datasets/synthrooms.py",
    "_base_/backbones/rooms_swin.py",
    "_base_/schedules/synthrooms.py",
]
name = "full-mtan"
adapter = dict(type="full")
decoder = dict(type="mtan", neck_channels=(8, 16, 24, 32))
