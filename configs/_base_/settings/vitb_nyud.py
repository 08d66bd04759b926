# ViT-B/16 with the HRNet-style head on NYUDv2, in the schedule of the MTLoRA line; lacks an adapter.
_base_ = ["../datasets/nyud.py", "../backbones/vit_base.py", "../schedules/mtlora.py"]
decoder = dict(type="hrnet")
