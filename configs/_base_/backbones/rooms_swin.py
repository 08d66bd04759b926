# The small Swin that ships with the bench, pretrained by configs/pretrain_rooms_swin.py.
backbone = dict(type="rooms-swin")
