# One to four labels per image, learner `xtc-direct`, balancer `equal`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/random_label.py"]
name = "random-label-xtc-direct-equal"
learner = dict(type="xtc-direct")
