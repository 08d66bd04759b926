# MT-CP: fully fine-tuned backbone, trace-back decoder and LPS, on the embedded dataset and backbone.
_base_ = [
    "_base_/datasets/synthrooms.py",
    "_base_/backbones/rooms_swin.py",
    "_base_/decoders/mtcp_small.py",
    "_base_/schedules/synthrooms.py",
]
name = "mtcp"
adapter = dict(type="full")
balancer = dict(type="lps", spread=1.6)
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
