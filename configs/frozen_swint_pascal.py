# Only the decoder trains, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "frozen"
adapter = dict(type="frozen")
