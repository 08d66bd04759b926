# Adapter `lora` under the balancer `conicgrad`: the worst task helped most, in a cone.
_base_ = "lora_synthrooms.py"
name = "lora-conicgrad"
balancer = dict(type="conicgrad")
