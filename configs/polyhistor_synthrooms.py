# Polyhistor, re-implemented, with the HRNet-style decoder, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "polyhistor"
adapter = dict(type="polyhistor", embedding=16, rank=6, reduction_factor=4)
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
