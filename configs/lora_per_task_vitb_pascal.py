# LoRA of rank 1 per task, of query, key and value apart, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "lora-per-task"
adapter = dict(type="lora", rank=1, alpha=1.0, sharing="per-task", split_qkv=True, trains=())
