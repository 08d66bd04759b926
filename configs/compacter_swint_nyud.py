# Compacter, per task, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "compacter"
adapter = dict(type="compacter", n=4, rank=1, reduction=2)
