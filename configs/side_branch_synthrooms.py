# A side branch on a frozen backbone on synthrooms with the small Swin.
_base_ = "_base_/settings/synthrooms.py"
name = "side-branch"
adapter = dict(type="side-branch", bottleneck=32, experts=4, rank=8)
