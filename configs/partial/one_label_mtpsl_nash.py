# One label per image, learner `mtpsl`, balancer `nash`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/one_label.py"]
name = "one-label-mtpsl-nash"
learner = dict(type="mtpsl")
balancer = dict(type="nash")
