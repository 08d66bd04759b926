# TADFormer with the HRNet-style decoder, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "tadformer"
adapter = dict(type="tadformer", rank=16)
