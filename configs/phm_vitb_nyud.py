# Adapters of hypercomplex multiplication, per task, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "phm"
adapter = dict(type="phm", n=4, reduction=16)
