# Ablation of MT-CP: dynamic weight averaging in place of LPS.
_base_ = "mtcp_swint_synthrooms.py"
name = "mtcp-dwa"
balancer = dict(_delete_=True, type="dwa")
