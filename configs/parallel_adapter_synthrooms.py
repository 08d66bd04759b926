# Scaled adapters beside each MLP, per task, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "parallel-adapter"
adapter = dict(type="parallel-adapter", scale=4.0, reduction=4)
