# TADFormer on PASCAL-Context: Swin-T, r = 64; the largest row of its paper.
_base_ = "_base_/settings/swint_pascal.py"
name = "tadformer"
adapter = dict(type="tadformer", rank=64)
