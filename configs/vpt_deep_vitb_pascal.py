# VPT-deep, 50 prompts per block and task, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "vpt-deep"
adapter = dict(type="vpt-deep", prompts=50)
