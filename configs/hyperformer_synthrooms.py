# HyperFormer, re-implemented, with the HRNet-style decoder, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "hyperformer"
adapter = dict(type="hyperformer", embedding=16, hidden=32, reduction_factor=4)
