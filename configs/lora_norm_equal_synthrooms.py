# Adapter `lora` under the balancer `norm-equal`: gradients of equal norms.
_base_ = "lora_synthrooms.py"
name = "lora-norm-equal"
balancer = dict(type="norm-equal")
