# VeRA by the package peft, shared by all tasks, on synthrooms with rooms-swin.
_base_ = "_base_/settings/synthrooms.py"
name = "peft-vera"
adapter = dict(type="peft", tuner="vera", r=64)
