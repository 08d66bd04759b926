# Adapter `lora` under the balancer `uw`: learned uncertainties as weights.
_base_ = "lora_synthrooms.py"
name = "lora-uw"
balancer = dict(type="uw")
