# Polyhistor-Lite, re-implemented, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "polyhistor-lite"
adapter = dict(type="polyhistor-lite", embedding=64, rank=20, reduction_factor=2, template=96)
