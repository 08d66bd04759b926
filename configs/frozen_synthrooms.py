# Adapter `frozen` with the HRNet-style decoder, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "frozen"
adapter = dict(type="frozen")
