# A side branch on a frozen backbone on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "side-branch"
adapter = dict(type="side-branch", bottleneck=64, experts=4, rank=16)
