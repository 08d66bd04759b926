# VMT-Adapter, re-implemented, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "vmt-adapter"
adapter = dict(type="vmt-adapter", bottleneck=30)
