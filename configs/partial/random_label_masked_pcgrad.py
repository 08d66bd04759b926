# One to four labels per image, learner `masked`, balancer `pcgrad`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/random_label.py"]
name = "random-label-masked-pcgrad"
balancer = dict(type="pcgrad")
