# Adapter `lora` under the balancer `dwa`: more weight where losses fall slowly from epoch to epoch.
_base_ = "lora_synthrooms.py"
name = "lora-dwa"
balancer = dict(type="dwa")
