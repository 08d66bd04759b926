# VMT-Adapter-Lite, re-implemented, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "vmt-adapter-lite"
adapter = dict(type="vmt-adapter-lite", bottleneck=18)
