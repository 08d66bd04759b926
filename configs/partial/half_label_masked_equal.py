# Half of each task's labels, learner `masked`, balancer `equal`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/half_label.py"]
name = "half-label-masked-equal"
