# One label per image, learner `masked`, balancer `dwa`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/one_label.py"]
name = "one-label-masked-dwa"
balancer = dict(type="dwa")
