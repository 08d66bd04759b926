# MTLoRA+, r = 16 for shared and tasks' updates, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "mtlora-plus"
adapter = dict(type="mtlora", rank=16, task_rank=16, plus=True)
