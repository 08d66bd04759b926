# Adapter `lora` under the balancer `nash`: Nash bargaining over the update.
_base_ = "lora_synthrooms.py"
name = "lora-nash"
balancer = dict(type="nash")
