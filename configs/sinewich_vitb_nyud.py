# Free Sinewich, re-implemented, r = 32, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "sinewich"
adapter = dict(type="sinewich", rank=32)
