# Scaled adapters beside each MLP, per task, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "parallel-adapter"
adapter = dict(type="parallel-adapter", scale=4.0, reduction=2)
