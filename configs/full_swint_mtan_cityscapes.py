# A fully fine-tuned Swin-T with plain heads on MTAN's Cityscapes under LibMTL's protocol, which has a
# ResNet-50.
_base_ = ["_base_/protocols/mtan_cityscapes.py", "_base_/backbones/swin_tiny.py"]
name = "full"
backbone = dict(image_size=(128, 256))
adapter = dict(type="full")
decoder = dict(type="hrnet")
