# Adapter `lora` under the balancer `mgda`: the shortest vector of the gradients' hull.
_base_ = "lora_synthrooms.py"
name = "lora-mgda"
balancer = dict(type="mgda")
