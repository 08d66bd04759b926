# DoRA, shared by all tasks, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "dora"
adapter = dict(type="dora", rank=16)
