# One label per image, learner `ss-consistency`, balancer `equal`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/one_label.py"]
name = "one-label-ss-consistency-equal"
learner = dict(type="ss-consistency")
