# TADFormer with the fixed filters of its release, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "tadformer-static"
adapter = dict(type="tadformer", rank=16, filter="static")
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
