# DoRA, shared by all tasks, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "dora"
adapter = dict(type="dora", rank=16)
