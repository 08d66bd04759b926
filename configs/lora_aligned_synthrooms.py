# Adapter `lora` under the balancer `aligned`: gradients with equal singular values.
_base_ = "lora_synthrooms.py"
name = "lora-aligned"
balancer = dict(type="aligned")
