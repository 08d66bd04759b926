# Every parameter of the backbone trains, shared by all tasks, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "full"
adapter = dict(type="full")
