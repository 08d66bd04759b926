# One label per image, learner `mtpsl`, balancer `uw`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/one_label.py"]
name = "one-label-mtpsl-uw"
learner = dict(type="mtpsl")
balancer = dict(type="uw")
