# Bottleneck adapters and norms that all tasks share on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "shared-adapter"
adapter = dict(type="houlsby", sharing="shared", reduction=2, trains=("norm",))
