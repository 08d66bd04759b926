# VMT-Adapter-Lite, re-implemented, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "vmt-adapter-lite"
adapter = dict(type="vmt-adapter-lite", bottleneck=18)
