# A fully fine-tuned Swin-T with plain heads on MTAN's NYUv2 under LibMTL's protocol, which has a ResNet-50 or
# a SegNet.
_base_ = ["_base_/protocols/mtan_nyuv2.py", "_base_/backbones/swin_tiny.py"]
name = "full"
backbone = dict(image_size=(288, 384))
adapter = dict(type="full")
decoder = dict(type="hrnet")
