# ProgTS on synthrooms with the small Swin; groups as its similarity tool gives them.
_base_ = "_base_/settings/synthrooms.py"
name = "progts"
adapter = dict(
    type="progts",
    groups=("shared", "shared", [["depth", "edge"], ["normals", "saliency", "semseg"]], "alone"),
    rank=8,
)
optimizer = dict(lr=1.5e-3)  # the best of the grid, see the schedule
