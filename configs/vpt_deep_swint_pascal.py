# VPT-deep, 50 prompts per block and task, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "vpt-deep"
adapter = dict(type="vpt-deep", prompts=50)
