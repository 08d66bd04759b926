# Bottleneck adapters of low rank, per task, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "low-rank-adapter"
adapter = dict(type="low-rank-adapter", rank=4, reduction=4)
