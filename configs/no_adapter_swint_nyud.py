# What the MTLoRA line trains besides its updates, and no updates, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "no-adapter"
adapter = dict(type="no-adapter")
