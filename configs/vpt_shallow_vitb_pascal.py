# VPT-shallow, 50 prompts per task, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "vpt-shallow"
adapter = dict(type="vpt-shallow", prompts=50)
