# HyperFormer, re-implemented, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "hyperformer"
adapter = dict(type="hyperformer", embedding=32, reduction_factor=2)
