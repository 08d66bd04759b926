# Adapter `lora` under the balancer `lps`: MT-CP's loss prioritisation, with the board's spread.
_base_ = "lora_synthrooms.py"
name = "lora-lps"
balancer = dict(type="lps", spread=1.6)
