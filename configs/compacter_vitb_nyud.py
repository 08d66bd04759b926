# Compacter, per task, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "compacter"
adapter = dict(type="compacter", n=4, rank=1, reduction=2)
