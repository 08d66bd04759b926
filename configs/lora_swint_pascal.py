# LoRA, shared by all tasks, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "lora"
adapter = dict(type="lora", rank=16)
