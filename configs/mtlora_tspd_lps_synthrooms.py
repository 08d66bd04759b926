# MTLoRA under FAAR's decoder, balanced by MT-CP's LPS.
_base_ = "mtlora_tspd_synthrooms.py"
name = "mtlora-ts-pd-lps"
balancer = dict(type="lps", spread=1.6)
