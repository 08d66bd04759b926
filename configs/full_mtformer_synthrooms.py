# A fully fine-tuned backbone with MTFormer's decoder, on the embedded dataset and backbone.
_base_ = [
    "_base_/datasets/synthrooms.py",
    "_base_/backbones/rooms_swin.py",
    "_base_/schedules/synthrooms.py",
]
name = "full-mtformer"
adapter = dict(type="full")
decoder = dict(type="mtformer", width=24, heads=2, window=4)
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
