# MT-CP with the predictions of the paper's figure: one on the fused feature, one after trace-back.
_base_ = "mtcp_swint_synthrooms.py"
name = "mtcp-figure"
decoder = dict(variant="figure")
