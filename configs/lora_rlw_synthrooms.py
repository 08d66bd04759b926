# Adapter `lora` under the balancer `rlw`: random weights in every step.
_base_ = "lora_synthrooms.py"
name = "lora-rlw"
balancer = dict(type="rlw")
