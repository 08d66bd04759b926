# Bottleneck adapters and norms that all tasks share on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "shared-adapter"
adapter = dict(type="houlsby", sharing="shared", reduction=2, trains=("norm",))
