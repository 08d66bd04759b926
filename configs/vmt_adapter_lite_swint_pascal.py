# VMT-Adapter-Lite, re-implemented, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "vmt-adapter-lite"
adapter = dict(type="vmt-adapter-lite", bottleneck=18)
