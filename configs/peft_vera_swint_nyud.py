# VeRA by the package peft, shared by all tasks, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "peft-vera"
adapter = dict(type="peft", tuner="vera", r=256)
