# Adapter `lora` under the balancer `moco`: tracked gradients and slowly moving weights.
_base_ = "lora_synthrooms.py"
name = "lora-moco"
balancer = dict(type="moco")
