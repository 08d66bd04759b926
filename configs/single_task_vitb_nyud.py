# Each task alone, every parameter trains: the references on NYUDv2 with ViT-B/16.
_base_ = "full_vitb_nyud.py"
name = "single-task"
single_task = True
