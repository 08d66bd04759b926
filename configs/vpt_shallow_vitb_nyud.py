# VPT-shallow, 50 prompts per task, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "vpt-shallow"
adapter = dict(type="vpt-shallow", prompts=50)
