# BitFit, every bias per task, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "bitfit"
adapter = dict(type="bitfit")
