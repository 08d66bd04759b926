# One to four labels per image, learner `masked`, balancer `uw`.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/random_label.py"]
name = "random-label-masked-uw"
balancer = dict(type="uw")
