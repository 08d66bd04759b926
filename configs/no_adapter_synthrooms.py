# What the MTLoRA line trains besides its updates, and no updates, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "no-adapter"
adapter = dict(type="no-adapter")
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
