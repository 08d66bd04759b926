# One label per image, learner `masked`, balancer `upgrad`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/one_label.py"]
name = "one-label-masked-upgrad"
balancer = dict(type="upgrad")
