# Each task alone, every parameter trains: the references on PASCAL-Context with ViT-B/16.
_base_ = "full_vitb_pascal.py"
name = "single-task"
single_task = True
