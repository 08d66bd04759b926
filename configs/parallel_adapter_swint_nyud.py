# Scaled adapters beside each MLP, per task, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "parallel-adapter"
adapter = dict(type="parallel-adapter", scale=4.0, reduction=2)
