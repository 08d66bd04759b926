# Adapter `lora` under the balancer `cov`: weights from the variation of losses.
_base_ = "lora_synthrooms.py"
name = "lora-cov"
balancer = dict(type="cov")
