# A fully fine-tuned backbone with PAD-Net's decoder, on the embedded dataset and backbone.
_base_ = [
    "_base_/datasets/synthrooms.py",
    "_base_/backbones/rooms_swin.py",
    "_base_/schedules/synthrooms.py",
]
name = "full-pad-net"
adapter = dict(type="full")
decoder = dict(type="pad-net", fused=64, width=32)
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
