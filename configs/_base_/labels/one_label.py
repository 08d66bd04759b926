# Every image shows one label, as many images for every task; one draw for all seeds.
label_protocol = dict(
    type="one-label",
    tasks=("semseg", "depth", "normals", "edge", "saliency"),
    draw=0,
)
