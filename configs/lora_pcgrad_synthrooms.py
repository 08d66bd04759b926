# Adapter `lora` under the balancer `pcgrad`: gradients projected off those they conflict with.
_base_ = "lora_synthrooms.py"
name = "lora-pcgrad"
balancer = dict(type="pcgrad")
