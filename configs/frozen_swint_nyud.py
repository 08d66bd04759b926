# Only the decoder trains, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "frozen"
adapter = dict(type="frozen")
