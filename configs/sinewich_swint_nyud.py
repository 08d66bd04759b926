# Free Sinewich, re-implemented, r = 32, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "sinewich"
adapter = dict(type="sinewich", rank=32)
