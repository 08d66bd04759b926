# MTLoRA, r = 64 for shared and 4 for tasks' updates, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "mtlora"
adapter = dict(type="mtlora", rank=64, task_rank=4)
