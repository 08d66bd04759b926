# MTLoRA+, whose patch merging is frozen, with the HRNet-style decoder, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "mtlora-plus"
adapter = dict(type="mtlora", rank=16, task_rank=4, plus=True)
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
