# Bottleneck adapters and norms that all tasks share on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "shared-adapter"
adapter = dict(type="houlsby", sharing="shared", reduction=2, trains=("norm",))
