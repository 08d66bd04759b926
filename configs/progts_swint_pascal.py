# ProgTS on PASCAL-Context with Swin-T; groups chosen by hand, see docs/plugins/progts.md.
_base_ = "_base_/settings/swint_pascal.py"
name = "progts"
adapter = dict(
    type="progts",
    groups=("shared", "shared", [["human_parts", "semseg"], ["normals", "saliency"]], "alone"),
    rank=16,
)
