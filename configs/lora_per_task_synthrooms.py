# LoRA of rank 4 per task, of query, key and value apart, on synthrooms with rooms-swin.
_base_ = "_base_/settings/synthrooms.py"
name = "lora-per-task"
adapter = dict(type="lora", rank=4, alpha=4.0, sharing="per-task", split_qkv=True, trains=())
