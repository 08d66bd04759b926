# The MTLoRA line on PASCAL-Context (Agiza et al., CVPR 2024; TADFormer, DiTASK and FAAR after it; public
# code): four tasks at 448x448 with flip, rotation and zoom, cross entropies, balanced BCE and L1 times 1, 2,
# 5 and 10, AdamW for 300 epochs, everything scored at 448x448. Departures: images are resized by area and
# clipped, where theirs are bicubic and wrap around at 0 and 255; labels, normals too, are the nearest
# pixel's; borders that rotation brings in are void, not class 0; saliency is balanced per image, not per
# batch; float32, not fp16; tables of relative positions don't decay.
_base_ = ["../datasets/pascal.py", "../schedules/mtlora.py"]
tasks = dict(
    _delete_=True,
    semseg=dict(type="semseg", classes=21),
    human_parts=dict(type="human_parts", classes=7),
    saliency=dict(type="saliency", metric="fgIoU"),
    normals=dict(type="normals"),
)
balancer = dict(type="fixed", weights=dict(semseg=1.0, human_parts=2.0, saliency=5.0, normals=10.0))
evaluation = dict(mode="legacy448")
