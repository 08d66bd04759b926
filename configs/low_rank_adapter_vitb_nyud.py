# Bottleneck adapters of low rank, per task, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "low-rank-adapter"
adapter = dict(type="low-rank-adapter", rank=4, reduction=16)
