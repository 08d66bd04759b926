# Adapter `lora` under the balancer `imtl-l`: learned scales that bring losses to one size.
_base_ = "lora_synthrooms.py"
name = "lora-imtl-l"
balancer = dict(type="imtl-l")
