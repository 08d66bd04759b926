# Adapter `lora` under the balancer `moco`: tracked gradients and slowly moving weights.
_base_ = "lora_synthrooms.py"
name = "lora-moco"
balancer = dict(type="moco")
optimizer = dict(lr=5e-4)  # the best of the grid, see the schedule
