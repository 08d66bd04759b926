# Bottleneck adapters, one in each block and per task, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "houlsby"
adapter = dict(type="houlsby", reduction=4)
