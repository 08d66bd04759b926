# Free Sinewich, re-implemented, r = 32, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "sinewich"
adapter = dict(type="sinewich", rank=32)
