# All labels, learner `masked`, balancer `uw`.
_base_ = "../_base_/settings/synthrooms_partial.py"
name = "full-masked-uw"
balancer = dict(type="uw")
