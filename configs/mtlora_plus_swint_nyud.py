# MTLoRA+, r = 16 for shared and tasks' updates, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "mtlora-plus"
adapter = dict(type="mtlora", rank=16, task_rank=16, plus=True)
