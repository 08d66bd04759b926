# VPT-shallow, 10 prompts per task, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "vpt-shallow"
adapter = dict(type="vpt-shallow", prompts=10)
