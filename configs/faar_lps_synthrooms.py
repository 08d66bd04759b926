# FAAR with its own decoder, balanced by MT-CP's LPS.
_base_ = "faar_synthrooms.py"
name = "faar-lps"
balancer = dict(type="lps", spread=1.6)
