# Bottleneck adapters of low rank, per task, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "low-rank-adapter"
adapter = dict(type="low-rank-adapter", rank=4, reduction=16)
