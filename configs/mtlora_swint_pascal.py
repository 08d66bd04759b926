# MTLoRA on PASCAL-Context: Swin-T, r = 64 for shared and 4 for tasks' updates; the largest row of its paper.
_base_ = "_base_/settings/swint_pascal.py"
name = "mtlora"
adapter = dict(type="mtlora", rank=64, task_rank=4)
