# FAAR's adapter under MT-CP's decoder and LPS: the two methods as one.
_base_ = "mtcp_swint_synthrooms.py"
name = "faar-mtcp"
adapter = dict(type="faar", rank=16)
