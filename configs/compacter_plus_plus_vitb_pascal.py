# Compacter++, per task, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "compacter-plus-plus"
adapter = dict(type="compacter-plus-plus", n=4, rank=1, reduction=2)
