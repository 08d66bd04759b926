# Adapter `lora` under the balancer `dualproj`: the mean gradient projected on the cone without conflict.
_base_ = "lora_synthrooms.py"
name = "lora-dualproj"
balancer = dict(type="dualproj")
