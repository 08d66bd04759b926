# HyperFormer, re-implemented, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "hyperformer"
adapter = dict(type="hyperformer", embedding=32, reduction_factor=2)
