# Adapters of hypercomplex multiplication, per task, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "phm"
adapter = dict(type="phm", n=4, reduction=16)
