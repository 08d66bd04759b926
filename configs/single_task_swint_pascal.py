# Each task alone, every parameter trains: the references on PASCAL-Context with Swin-T.
_base_ = "full_swint_pascal.py"
name = "single-task"
single_task = True
