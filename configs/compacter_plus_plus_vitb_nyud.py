# Compacter++, per task, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "compacter-plus-plus"
adapter = dict(type="compacter-plus-plus", n=4, rank=1, reduction=2)
