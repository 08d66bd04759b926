# Bottleneck adapters and norms that all tasks share on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "shared-adapter"
adapter = dict(type="houlsby", sharing="shared", reduction=2, trains=("norm",))
