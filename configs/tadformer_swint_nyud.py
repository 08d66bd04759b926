# TADFormer on NYUDv2 with Swin-T, r = 64.
_base_ = "_base_/settings/swint_nyud.py"
name = "tadformer"
adapter = dict(type="tadformer", rank=64)
