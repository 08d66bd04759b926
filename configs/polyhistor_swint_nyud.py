# Polyhistor, re-implemented, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "polyhistor"
adapter = dict(type="polyhistor", embedding=32, rank=15, reduction_factor=2)
