# Free Sinewich, re-implemented, r = 32, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "sinewich"
adapter = dict(type="sinewich", rank=32)
