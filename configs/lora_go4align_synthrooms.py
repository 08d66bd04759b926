# Adapter `lora` under the balancer `go4align`: losses at one scale, weighted in groups.
_base_ = "lora_synthrooms.py"
name = "lora-go4align"
balancer = dict(type="go4align")
