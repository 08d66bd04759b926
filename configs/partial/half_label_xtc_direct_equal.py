# Half of each task's labels, learner `xtc-direct`, balancer `equal`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/half_label.py"]
name = "half-label-xtc-direct-equal"
learner = dict(type="xtc-direct")
