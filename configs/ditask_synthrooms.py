# DiTASK, singular values deformed by diffeomorphisms, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "ditask"
adapter = dict(type="ditask", tess=32, task_tess=4)
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
