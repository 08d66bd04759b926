# Adapter `lora` under the balancer `db-mtl`: logarithms of losses, and averaged gradients of one norm.
_base_ = "lora_synthrooms.py"
name = "lora-db-mtl"
balancer = dict(type="db-mtl")
optimizer = dict(lr=5e-4)  # the best of the grid, see the schedule
