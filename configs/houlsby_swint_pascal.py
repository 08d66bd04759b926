# Bottleneck adapters, one in each block and per task, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "houlsby"
adapter = dict(type="houlsby", reduction=2)
