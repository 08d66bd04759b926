# Only the decoder trains, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "frozen"
adapter = dict(type="frozen")
