# One to four labels per image, learner `masked`, balancer `upgrad`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/random_label.py"]
name = "random-label-masked-upgrad"
balancer = dict(type="upgrad")
