# Every parameter of the backbone trains, shared by all tasks, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "full"
adapter = dict(type="full")
