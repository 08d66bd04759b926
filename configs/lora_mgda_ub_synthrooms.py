# Adapter `lora` under the balancer `mgda-ub`: MGDA on the gradients by the features before the decoder.
_base_ = "lora_synthrooms.py"
name = "lora-mgda-ub"
balancer = dict(type="mgda-ub")
