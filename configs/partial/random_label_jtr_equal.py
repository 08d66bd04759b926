# One to four labels per image, learner `jtr`, balancer `equal`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/random_label.py"]
name = "random-label-jtr-equal"
learner = dict(type="jtr")
