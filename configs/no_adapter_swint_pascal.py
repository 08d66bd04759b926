# What the MTLoRA line trains besides its updates, and no updates, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "no-adapter"
adapter = dict(type="no-adapter")
