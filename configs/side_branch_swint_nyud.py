# A side branch on a frozen backbone on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "side-branch"
adapter = dict(type="side-branch", bottleneck=64, experts=4, rank=16)
