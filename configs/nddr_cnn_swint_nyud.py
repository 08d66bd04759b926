# NDDR-CNN from the pretrained backbone, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "nddr-cnn"
adapter = dict(type="nddr-cnn")
