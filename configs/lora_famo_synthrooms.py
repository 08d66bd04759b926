# Adapter `lora` under the balancer `famo`: all losses fall at one rate; one more forward pass.
_base_ = "lora_synthrooms.py"
name = "lora-famo"
balancer = dict(type="famo")
