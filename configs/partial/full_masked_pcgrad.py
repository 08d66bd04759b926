# All labels, learner `masked`, balancer `pcgrad`.
_base_ = "../_base_/settings/synthrooms_partial.py"
name = "full-masked-pcgrad"
balancer = dict(type="pcgrad")
