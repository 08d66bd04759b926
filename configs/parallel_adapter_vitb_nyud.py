# Scaled adapters beside each MLP, per task, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "parallel-adapter"
adapter = dict(type="parallel-adapter", scale=4.0, reduction=2)
