# Ablation of MT-CP: uncertainty weighting in place of LPS.
_base_ = "mtcp_swint_synthrooms.py"
name = "mtcp-uw"
balancer = dict(_delete_=True, type="uw")
