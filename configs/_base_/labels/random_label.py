# Every image shows one to four of five labels; one draw for all seeds.
label_protocol = dict(
    type="random-label",
    tasks=("semseg", "depth", "normals", "edge", "saliency"),
    draw=0,
)
