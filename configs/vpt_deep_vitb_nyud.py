# VPT-deep, 50 prompts per block and task, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "vpt-deep"
adapter = dict(type="vpt-deep", prompts=50)
