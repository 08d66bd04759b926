# Tables of relative positions per task on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "relative-bias"
adapter = dict(type="relative-bias")
