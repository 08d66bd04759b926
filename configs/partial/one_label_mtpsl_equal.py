# One label per image, learner `mtpsl`, balancer `equal`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/one_label.py"]
name = "one-label-mtpsl-equal"
learner = dict(type="mtpsl")
