# All labels, learner `masked`, balancer `upgrad`.
_base_ = "../_base_/settings/synthrooms_partial.py"
name = "full-masked-upgrad"
balancer = dict(type="upgrad")
