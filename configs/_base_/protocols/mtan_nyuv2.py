# NYUv2 as LibMTL trains on MTAN's package (Liu et al., CVPR 2019; Lin and Zhang, JMLR 2023; public code): 13
# classes, depth and normals at 288x384, flip and zoom-in (`--aug`), cross entropy, L1 and 1 - cos with equal
# weights, Adam for 200 epochs of batches of 8, halved after 100. Departures: images are 8-bit and normalised
# as the backbone wants; normals are the nearest pixel's, not interpolated; pixels whose normal sums to 0 are
# kept; classes that occur nowhere are left out of the mean, which they make NaN there; biases and norms don't
# decay.
_base_ = "../datasets/mtan_nyuv2.py"
tasks = dict(depth=dict(metric="abs_err"), normals=dict(distance="cosine"))
balancer = dict(type="fixed", weights=dict(semseg=1.0, depth=1.0, normals=1.0))
optimizer = dict(type="Adam", lr=1e-4, weight_decay=1e-5)
schedule = dict(batch_size=8, epochs=200, curve="step", final_lr=0.5, workers=4)
