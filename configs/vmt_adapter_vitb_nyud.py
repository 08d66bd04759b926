# VMT-Adapter, re-implemented, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "vmt-adapter"
adapter = dict(type="vmt-adapter", bottleneck=30)
