# NDDR-CNN from the pretrained backbone, on the embedded dataset and backbone; of no board.
_base_ = "_base_/settings/synthrooms.py"
name = "nddr-cnn"
board = None
adapter = dict(type="nddr-cnn")
optimizer = dict(lr=1.5e-3)  # that of `full`
