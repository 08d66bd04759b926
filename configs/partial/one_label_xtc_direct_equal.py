# One label per image, learner `xtc-direct`, balancer `equal`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/one_label.py"]
name = "one-label-xtc-direct-equal"
learner = dict(type="xtc-direct")
