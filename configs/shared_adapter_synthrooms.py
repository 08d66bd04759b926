# Bottleneck adapters and norms that all tasks share on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "shared-adapter"
adapter = dict(type="houlsby", sharing="shared", reduction=4, trains=("norm",))
