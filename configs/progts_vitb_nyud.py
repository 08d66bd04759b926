# ProgTS on NYUDv2 with ViT-B/16; groups chosen by hand, see docs/plugins/progts.md.
_base_ = "_base_/settings/vitb_nyud.py"
name = "progts"
adapter = dict(
    type="progts",
    groups=("shared", "shared", [["depth", "normals"], ["edge", "semseg"]], "alone"),
    rank=16,
)
