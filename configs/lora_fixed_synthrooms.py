# Adapter `lora` under the balancer `fixed`: weights from the literature.
_base_ = "lora_synthrooms.py"
name = "lora-fixed"
balancer = dict(type="fixed")
