# One to four labels per image, learner `mtpsl`, balancer `equal`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/random_label.py"]
name = "random-label-mtpsl-equal"
learner = dict(type="mtpsl")
