# ProgTS on NYUDv2 with Swin-T; groups chosen by hand, see docs/plugins/progts.md.
_base_ = "_base_/settings/swint_nyud.py"
name = "progts"
adapter = dict(
    type="progts",
    groups=("shared", "shared", [["depth", "normals"], ["edge", "semseg"]], "alone"),
    rank=16,
)
