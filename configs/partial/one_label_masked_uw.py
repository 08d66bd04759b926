# One label per image, learner `masked`, balancer `uw`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/one_label.py"]
name = "one-label-masked-uw"
balancer = dict(type="uw")
