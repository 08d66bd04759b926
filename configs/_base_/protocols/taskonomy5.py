# Five tasks of Taskonomy as Standley et al. (ICML 2020; public code) train them: 256x256, flip, cross entropy
# and L1 summed in their units, SGD from 0.1, at most 100 epochs of batches of 64. Departures: the learning
# rate falls as a cosine, where theirs is halved when the loss stops falling; the tiny split's buildings;
# means over valid pixels, where theirs divide by all; normals are normalised; heatmaps are clipped at 1 (see
# docs/plugins/taskonomy.md); they report test losses, here each task has its metric.
_base_ = "../datasets/taskonomy.py"
# from metres and [0, 1] to their units: (512 m - 1500) / 1000, (2000 v - 50) / 100, (16384 v - 718) / 1070
balancer = dict(
    type="fixed",
    weights=dict(semseg=1.0, depth=0.512, normals=1.0, keypoints2d=20.0, edge_texture=16384 / 1070),
)
optimizer = dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=1e-4)
schedule = dict(batch_size=64, epochs=100, curve="cosine", workers=4)
