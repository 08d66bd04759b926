# DiTASK as its public code has it, singular values resampled, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "ditask-released"
adapter = dict(type="ditask", tess=32, task_tess=4, variant="released", dropout=0.05)
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
