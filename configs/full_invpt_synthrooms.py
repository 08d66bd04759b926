# A fully fine-tuned backbone with InvPT's decoder, on the embedded dataset and backbone.
_base_ = [
    "_base_/datasets/synthrooms.py",
    "_base_/backbones/rooms_swin.py",
    "_base_/schedules/synthrooms.py",
]
name = "full-invpt"
adapter = dict(type="full")
decoder = dict(type="invpt", width=64, widths=(64, 32, 16), hidden=64)
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
