# Polyhistor-Lite, re-implemented, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "polyhistor-lite"
adapter = dict(type="polyhistor-lite", embedding=64, rank=20, reduction_factor=2, template=96)
