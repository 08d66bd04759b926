# One label per image, learner `jtr`, balancer `equal`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/one_label.py"]
name = "one-label-jtr-equal"
learner = dict(type="jtr")
