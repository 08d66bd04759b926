# Only the decoder trains, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "frozen"
adapter = dict(type="frozen")
