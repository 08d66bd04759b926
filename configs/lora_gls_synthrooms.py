# Adapter `lora` under the balancer `gls`: the geometric mean of the losses.
_base_ = "lora_synthrooms.py"
name = "lora-gls"
balancer = dict(type="gls")
