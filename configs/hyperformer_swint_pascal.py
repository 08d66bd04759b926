# HyperFormer, re-implemented, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "hyperformer"
adapter = dict(type="hyperformer", embedding=32, reduction_factor=2)
