# HyperFormer, re-implemented, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "hyperformer"
adapter = dict(type="hyperformer", embedding=32, reduction_factor=2)
