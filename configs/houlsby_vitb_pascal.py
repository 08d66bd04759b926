# Bottleneck adapters, one in each block and per task, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "houlsby"
adapter = dict(type="houlsby", reduction=2)
