# Adapter `lora` under fixed weights from benchmarks/tuned_weights.py, with the trials that every row has.
# These are its start: one over the single-task models' training losses, with the sum 5.
_base_ = "lora_synthrooms.py"
name = "lora-tuned"
balancer = dict(type="fixed", weights=dict(depth=0.206, edge=2.73, normals=0.6, saliency=1.31, semseg=0.161))
