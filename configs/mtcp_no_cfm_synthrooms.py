# Ablation of MT-CP: without coherence fusion, each task's decoder feature is traced back as it is.
_base_ = "mtcp_swint_synthrooms.py"
name = "mtcp-no-cfm"
decoder = dict(cfm=False)
