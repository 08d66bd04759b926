# VPT-deep, 50 prompts per block and task, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "vpt-deep"
adapter = dict(type="vpt-deep", prompts=50)
