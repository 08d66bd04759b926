# Adapter `lora` under the balancer `dtp`: more weight to tasks that do badly.
_base_ = "lora_synthrooms.py"
name = "lora-dtp"
balancer = dict(type="dtp")
