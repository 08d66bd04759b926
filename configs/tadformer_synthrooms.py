# TADFormer with the HRNet-style decoder, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "tadformer"
adapter = dict(type="tadformer", rank=16)
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
