# Cross-stitch networks from the pretrained backbone, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "cross-stitch"
adapter = dict(type="cross-stitch")
