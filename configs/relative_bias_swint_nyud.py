# Tables of relative positions per task on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "relative-bias"
adapter = dict(type="relative-bias")
