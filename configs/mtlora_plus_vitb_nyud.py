# MTLoRA+, r = 16 for shared and tasks' updates, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "mtlora-plus"
adapter = dict(type="mtlora", rank=16, task_rank=16, plus=True)
