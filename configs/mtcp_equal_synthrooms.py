# Ablation of MT-CP: a plain sum in place of LPS.
_base_ = "mtcp_swint_synthrooms.py"
name = "mtcp-equal"
balancer = dict(_delete_=True, type="equal")
