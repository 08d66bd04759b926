# Compacter, per task, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "compacter"
adapter = dict(type="compacter", n=4, rank=1, reduction=2)
