# Half of each task's labels, learner `mtpsl`, balancer `equal`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/half_label.py"]
name = "half-label-mtpsl-equal"
learner = dict(type="mtpsl")
