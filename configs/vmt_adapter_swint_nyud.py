# VMT-Adapter, re-implemented, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "vmt-adapter"
adapter = dict(type="vmt-adapter", bottleneck=30)
