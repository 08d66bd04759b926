# Adapter `lora` under the balancer `uw-so`: uncertainty weighting at its analytical optimum, softened.
_base_ = "lora_synthrooms.py"
name = "lora-uw-so"
balancer = dict(type="uw-so")
