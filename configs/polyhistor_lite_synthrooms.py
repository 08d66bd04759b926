# Polyhistor-Lite, re-implemented, with the HRNet-style decoder, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "polyhistor-lite"
adapter = dict(type="polyhistor-lite", embedding=32, rank=6, reduction_factor=2, template=32)
