# VPT-shallow, 50 prompts per task, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "vpt-shallow"
adapter = dict(type="vpt-shallow", prompts=50)
