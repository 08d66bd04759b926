# How rooms_swin.safetensors was made: surface colour and shading of rooms that no board shows.
# Afterwards: python -m mtlbench_timm.export runs/pretrain_rooms_swin/seed0 rooms_swin.safetensors
_base_ = ["_base_/datasets/synthrooms.py", "_base_/decoders/hrnet_small.py", "_base_/schedules/synthrooms.py"]
name = "pretrain-rooms-swin"
board = None
tasks = dict(
    _delete_=True,
    albedo=dict(type="regression", channels=3),
    shading=dict(type="regression", channels=1),
)
dataset = dict(world="pretrain", train_rooms=4096, val_rooms=64)
backbone = dict(type="rooms-swin", pretrained=False)
adapter = dict(type="full")
optimizer = dict(lr=1e-3)
schedule = dict(batch_size=16, iterations=3072)
