# VMT-Adapter-Lite, re-implemented, with the HRNet-style decoder, on the embedded dataset and backbone.
_base_ = "_base_/settings/synthrooms.py"
name = "vmt-adapter-lite"
adapter = dict(type="vmt-adapter-lite", bottleneck=6)
