# Adapters of hypercomplex multiplication, per task, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "phm"
adapter = dict(type="phm", n=4, reduction=16)
