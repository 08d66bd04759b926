# What the MTLoRA line trains besides its updates, and no updates, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "no-adapter"
adapter = dict(type="no-adapter")
