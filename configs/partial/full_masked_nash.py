# All labels, learner `masked`, balancer `nash`.
_base_ = "../_base_/settings/synthrooms_partial.py"
name = "full-masked-nash"
balancer = dict(type="nash")
