# Tables of relative positions per task on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "relative-bias"
adapter = dict(type="relative-bias")
