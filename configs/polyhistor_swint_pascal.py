# Polyhistor, re-implemented, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "polyhistor"
adapter = dict(type="polyhistor", embedding=32, rank=15, reduction_factor=2)
