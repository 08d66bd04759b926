# BitFit, every bias per task, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "bitfit"
adapter = dict(type="bitfit")
