# Bottleneck adapters, one in each block and per task, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "houlsby"
adapter = dict(type="houlsby", reduction=2)
