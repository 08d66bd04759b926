# Compacter, per task, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "compacter"
adapter = dict(type="compacter", n=4, rank=1, reduction=2)
