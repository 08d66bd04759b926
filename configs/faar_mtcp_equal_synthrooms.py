# FAAR's adapter under MT-CP's decoder, with a plain sum in place of LPS.
_base_ = "faar_mtcp_synthrooms.py"
name = "faar-mtcp-equal"
balancer = dict(_delete_=True, type="equal")
