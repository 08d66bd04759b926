# MTLoRA under FAAR's decoder, balanced by MT-CP's LPS.
_base_ = "mtlora_tspd_synthrooms.py"
name = "mtlora-tspd-lps"
balancer = dict(type="lps", spread=1.6)
