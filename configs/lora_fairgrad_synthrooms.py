# Adapter `lora` under the balancer `fairgrad`: fair shares of the decrease.
_base_ = "lora_synthrooms.py"
name = "lora-fairgrad"
balancer = dict(type="fairgrad")
