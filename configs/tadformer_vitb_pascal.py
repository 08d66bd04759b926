# TADFormer on PASCAL-Context with ViT-B/16, r = 64.
_base_ = "_base_/settings/vitb_pascal.py"
name = "tadformer"
adapter = dict(type="tadformer", rank=64)
