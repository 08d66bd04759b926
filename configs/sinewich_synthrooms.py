# Free Sinewich, re-implemented, r = 16, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "sinewich"
adapter = dict(type="sinewich", rank=16)
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
