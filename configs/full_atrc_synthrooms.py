# A fully fine-tuned backbone with ATRC's decoder, on the embedded dataset and backbone.
_base_ = [
    "_base_/datasets/synthrooms.py",
    "_base_/backbones/rooms_swin.py",
    "_base_/schedules/synthrooms.py",
]
name = "full-atrc"
adapter = dict(type="full")
decoder = dict(type="atrc", neck_channels=(8, 16, 24, 32), width=16)
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
