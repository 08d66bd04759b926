# A fully fine-tuned backbone with FAAR's TS-PD decoder, on the embedded dataset and backbone.
_base_ = [
    "_base_/datasets/synthrooms.py",
    "_base_/backbones/rooms_swin.py",
    "_base_/schedules/synthrooms.py",
]
name = "full-ts-pd"
adapter = dict(type="full")
decoder = dict(type="ts-pd", neck_channels=(8, 16, 24, 32))
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
