# Each task alone, every parameter trains: the references on NYUDv2 with Swin-T.
_base_ = "full_swint_nyud.py"
name = "single-task"
single_task = True
