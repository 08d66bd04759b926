# Bottleneck adapters, one in each block and per task, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "houlsby"
adapter = dict(type="houlsby", reduction=2)
