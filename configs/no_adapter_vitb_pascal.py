# What the MTLoRA line trains besides its updates, and no updates, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "no-adapter"
adapter = dict(type="no-adapter")
