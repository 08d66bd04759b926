# ViT-B/16 with the HRNet-style head on PASCAL-Context, in the protocol of the MTLoRA line; lacks an adapter.
_base_ = ["../protocols/mtlora_pascal.py", "../backbones/vit_base.py"]
decoder = dict(type="hrnet")
