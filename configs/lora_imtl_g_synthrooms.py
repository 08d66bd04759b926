# Adapter `lora` under the balancer `imtl-g`: a sum that projects alike on every gradient.
_base_ = "lora_synthrooms.py"
name = "lora-imtl-g"
balancer = dict(type="imtl-g")
