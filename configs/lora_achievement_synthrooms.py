# Adapter `lora` under the balancer `achievement`: weights from the distance to single-task models.
# `single` is the training loss of the last epoch in the board's single-task records, the mean over seeds.
_base_ = "lora_synthrooms.py"
name = "lora-achievement"
balancer = dict(
    type="achievement",
    single=dict(depth=0.6171, edge=0.04674, normals=0.2125, saliency=0.09755, semseg=0.7897),
)
