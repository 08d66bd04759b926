# Compacter, per task, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "compacter"
adapter = dict(type="compacter", n=4, rank=1, reduction=2)
