# Polyhistor, re-implemented, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "polyhistor"
adapter = dict(type="polyhistor", embedding=32, rank=15, reduction_factor=2)
