# Adapters of hypercomplex multiplication, per task, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "phm"
adapter = dict(type="phm", n=4, reduction=4)
