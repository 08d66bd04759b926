# DoRA, shared by all tasks, on synthrooms with rooms-swin.
_base_ = "_base_/settings/synthrooms.py"
name = "dora"
adapter = dict(type="dora", rank=16)
