# All labels, learner `masked`, balancer `dwa`.
_base_ = "../_base_/settings/synthrooms_partial.py"
name = "full-masked-dwa"
balancer = dict(type="dwa")
