# One to four labels per image, learner `ss-consistency`, balancer `equal`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/random_label.py"]
name = "random-label-ss-consistency-equal"
learner = dict(type="ss-consistency")
