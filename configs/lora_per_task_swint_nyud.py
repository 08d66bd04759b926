# LoRA of rank 1 per task, of query, key and value apart, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "lora-per-task"
adapter = dict(type="lora", rank=1, alpha=1.0, sharing="per-task", split_qkv=True, trains=())
