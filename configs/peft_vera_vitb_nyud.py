# VeRA by the package peft, shared by all tasks, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "peft-vera"
adapter = dict(type="peft", tuner="vera", r=256)
