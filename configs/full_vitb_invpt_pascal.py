# A fully fine-tuned ViT-B/16 with plain heads on PASCAL-Context under InvPT's protocol: what InvPT's decoder
# is measured by.
_base_ = ["_base_/protocols/invpt_pascal.py", "_base_/backbones/vit_base.py"]
name = "full"
backbone = dict(image_size=(512, 512))
adapter = dict(type="full")
decoder = dict(type="hrnet")
