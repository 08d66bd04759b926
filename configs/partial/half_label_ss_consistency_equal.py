# Half of each task's labels, learner `ss-consistency`, balancer `equal`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/half_label.py"]
name = "half-label-ss-consistency-equal"
learner = dict(type="ss-consistency")
