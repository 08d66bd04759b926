# A side branch on a frozen backbone on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "side-branch"
adapter = dict(type="side-branch", bottleneck=64, experts=4, rank=16)
