# TADFormer on NYUDv2 with ViT-B/16, r = 64.
_base_ = "_base_/settings/vitb_nyud.py"
name = "tadformer"
adapter = dict(type="tadformer", rank=64)
