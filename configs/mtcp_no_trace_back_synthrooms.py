# Ablation of MT-CP: without spatial refinement and trace-back, the fused feature is predicted from.
_base_ = "mtcp_swint_synthrooms.py"
name = "mtcp-no-trace-back"
decoder = dict(srm=False)
