# Adapter `lora` under the balancer `cagrad`: the worst task helped most, near the mean gradient.
_base_ = "lora_synthrooms.py"
name = "lora-cagrad"
balancer = dict(type="cagrad")
