# Free Sinewich, re-implemented, r = 16, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "sinewich"
adapter = dict(type="sinewich", rank=16)
