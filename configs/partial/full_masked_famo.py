# All labels, learner `masked`, balancer `famo`.
_base_ = "../_base_/settings/synthrooms_partial.py"
name = "full-masked-famo"
balancer = dict(type="famo")
