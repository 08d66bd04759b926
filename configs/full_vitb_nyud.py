# Every parameter of the backbone trains, shared by all tasks, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "full"
adapter = dict(type="full")
