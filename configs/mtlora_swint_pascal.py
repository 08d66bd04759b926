# MTLoRA on PASCAL-Context: Swin-T, r = 64 for shared and 4 for tasks' updates; the largest row of its paper.
_base_ = ["_base_/protocols/mtlora_pascal.py", "_base_/backbones/swin_tiny.py"]
name = "mtlora"
backbone = dict(features="merged", drop_path=0.2)
adapter = dict(type="mtlora", rank=64, task_rank=4)
decoder = dict(type="hrnet")
