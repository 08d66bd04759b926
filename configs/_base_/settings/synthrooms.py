# Synthrooms, rooms-swin, the HRNet-style head and the budget of the board synthrooms-v1; lacks an adapter.
_base_ = [
    "../datasets/synthrooms.py",
    "../backbones/rooms_swin.py",
    "../decoders/hrnet_small.py",
    "../schedules/synthrooms.py",
]
