# VMT-Adapter-Lite, re-implemented, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "vmt-adapter-lite"
adapter = dict(type="vmt-adapter-lite", bottleneck=18)
