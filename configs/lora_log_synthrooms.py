# Adapter `lora` under the balancer `log`: the sum of the losses' logarithms.
_base_ = "lora_synthrooms.py"
name = "lora-log"
balancer = dict(type="log")
