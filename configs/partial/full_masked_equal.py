# All labels, learner `masked`, balancer `equal`.
_base_ = "../_base_/settings/synthrooms_partial.py"
name = "full-masked-equal"
