# The references of the board: each task alone with all of its labels, every parameter trains.
_base_ = "../_base_/settings/synthrooms_partial.py"
name = "single-task"
single_task = True
adapter = dict(_delete_=True, type="full")
optimizer = dict(lr=1.5e-3)  # as on synthrooms-v1
