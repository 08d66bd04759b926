# BitFit, every bias per task, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "bitfit"
adapter = dict(type="bitfit")
