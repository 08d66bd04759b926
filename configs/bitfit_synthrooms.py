# BitFit, every bias per task, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "bitfit"
adapter = dict(type="bitfit")
