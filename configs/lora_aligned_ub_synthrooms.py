# Adapter `lora` under the balancer `aligned-ub`: aligned gradients by the features before the decoder.
_base_ = "lora_synthrooms.py"
name = "lora-aligned-ub"
balancer = dict(type="aligned-ub")
