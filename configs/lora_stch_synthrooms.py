# Adapter `lora` under the balancer `stch`: a smooth maximum of the losses.
_base_ = "lora_synthrooms.py"
name = "lora-stch"
balancer = dict(type="stch")
