# TADFormer with the fixed filters of its release, on PASCAL-Context: Swin-T, r = 64.
_base_ = "_base_/settings/swint_pascal.py"
name = "tadformer-static"
adapter = dict(type="tadformer", rank=64, filter="static")
