# Compacter++, per task, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "compacter-plus-plus"
adapter = dict(type="compacter-plus-plus", n=4, rank=1, reduction=2)
