# VPT-deep, 10 prompts per block and task, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "vpt-deep"
adapter = dict(type="vpt-deep", prompts=10)
