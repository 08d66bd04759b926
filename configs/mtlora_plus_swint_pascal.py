# MTLoRA+, r = 16 for shared and tasks' updates, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "mtlora-plus"
adapter = dict(type="mtlora", rank=16, task_rank=16, plus=True)
