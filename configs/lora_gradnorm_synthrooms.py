# Adapter `lora` under the balancer `gradnorm`: learned weights; tasks that lag have larger gradients.
_base_ = "lora_synthrooms.py"
name = "lora-gradnorm"
balancer = dict(type="gradnorm")
