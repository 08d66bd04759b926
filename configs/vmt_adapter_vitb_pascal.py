# VMT-Adapter, re-implemented, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "vmt-adapter"
adapter = dict(type="vmt-adapter", bottleneck=30)
