# Cross-stitch networks from the pretrained backbone, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "cross-stitch"
adapter = dict(type="cross-stitch")
