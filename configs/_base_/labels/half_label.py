# Every task shows labels of half of the images; one draw for all seeds.
label_protocol = dict(
    type="half-label",
    tasks=("semseg", "depth", "normals", "edge", "saliency"),
    draw=0,
)
