# VeRA by the package peft, shared by all tasks, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "peft-vera"
adapter = dict(type="peft", tuner="vera", r=256)
