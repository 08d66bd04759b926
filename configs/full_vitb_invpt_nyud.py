# A fully fine-tuned ViT-B/16 with plain heads on NYUDv2 under InvPT's protocol.
_base_ = ["_base_/protocols/invpt_nyud.py", "_base_/backbones/vit_base.py"]
name = "full"
backbone = dict(image_size=(448, 576))
adapter = dict(type="full")
decoder = dict(type="hrnet")
