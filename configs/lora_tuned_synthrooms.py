# Adapter `lora` under fixed weights from benchmarks/tuned_weights.py: the best of three trials, as many as
# learning rates are tried for every method.
_base_ = "lora_synthrooms.py"
name = "lora-tuned"
balancer = dict(
    type="fixed", weights=dict(depth=0.192, edge=0.084, normals=1.201, saliency=1.195, semseg=2.329)
)
