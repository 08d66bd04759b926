# Every parameter of the backbone trains, shared by all tasks, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "full"
adapter = dict(type="full")
