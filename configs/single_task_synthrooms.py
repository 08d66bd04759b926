# The references of the board: each task alone, every parameter trains, with the decoder of `full`.
_base_ = "full_synthrooms.py"
name = "single-task"
single_task = True
