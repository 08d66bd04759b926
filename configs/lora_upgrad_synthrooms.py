# Adapter `lora` under the balancer `upgrad`: gradients projected on the cone without conflict.
_base_ = "lora_synthrooms.py"
name = "lora-upgrad"
balancer = dict(type="upgrad")
