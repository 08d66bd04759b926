# VPT-shallow, 50 prompts per task, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "vpt-shallow"
adapter = dict(type="vpt-shallow", prompts=50)
