# NDDR-CNN from the pretrained backbone, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "nddr-cnn"
adapter = dict(type="nddr-cnn")
