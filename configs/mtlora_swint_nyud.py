# MTLoRA, r = 64 for shared and 4 for tasks' updates, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "mtlora"
adapter = dict(type="mtlora", rank=64, task_rank=4)
