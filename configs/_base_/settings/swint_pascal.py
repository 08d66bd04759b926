# Swin-T with the HRNet-style head on PASCAL-Context, in the protocol of the MTLoRA line; lacks an adapter.
_base_ = ["../protocols/mtlora_pascal.py", "../backbones/swin_tiny.py"]
backbone = dict(features="merged", drop_path=0.2)
decoder = dict(type="hrnet")
