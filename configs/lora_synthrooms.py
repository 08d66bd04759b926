# Adapter `lora` with the HRNet-style decoder, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "lora"
adapter = dict(type="lora", rank=16)
