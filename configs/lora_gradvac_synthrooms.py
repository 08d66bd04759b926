# Adapter `lora` under the balancer `gradvac`: gradients turned towards each other.
_base_ = "lora_synthrooms.py"
name = "lora-gradvac"
balancer = dict(type="gradvac")
