# FAAR on ViT-B/16 and NYUDv2: the project's main command.
_base_ = ["_base_/datasets/nyud.py", "_base_/backbones/vit_base.py", "_base_/schedules/mtlora.py"]
name = "faar"
adapter = dict(type="faar", rank=64)
decoder = dict(type="ts-pd")
