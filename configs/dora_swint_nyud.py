# DoRA, shared by all tasks, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "dora"
adapter = dict(type="dora", rank=16)
