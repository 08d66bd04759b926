# BitFit, every bias per task, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "bitfit"
adapter = dict(type="bitfit")
