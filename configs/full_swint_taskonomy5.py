# A fully fine-tuned Swin-T with plain heads on five tasks of Taskonomy. The protocol's SGD from 0.1 is for an
# Xception from scratch; a pretrained transformer takes AdamW.
_base_ = ["_base_/protocols/taskonomy5.py", "_base_/backbones/swin_tiny.py"]
name = "full"
backbone = dict(image_size=(256, 256))
adapter = dict(type="full")
decoder = dict(type="hrnet")
optimizer = dict(_delete_=True, type="AdamW", lr=1e-4, weight_decay=0.05)
