# Cityscapes as LibMTL trains on MTAN's package (Liu et al., CVPR 2019; Lin and Zhang, JMLR 2023; public
# code): 7 classes and inverse depth at 128x256, not augmented, cross entropy and L1 with equal weights, Adam
# for 200 epochs of batches of 64, halved after 100. Departures: images are 8-bit and normalised as the
# backbone wants; predicted inverse depth is kept at 0.001 or more; errors are means over all pixels, not over
# batches; biases and norms don't decay.
_base_ = "../datasets/mtan_cityscapes.py"
tasks = dict(depth=dict(metric="abs_err"))
balancer = dict(type="fixed", weights=dict(semseg=1.0, depth=1.0))
optimizer = dict(type="Adam", lr=1e-4, weight_decay=1e-5)
schedule = dict(batch_size=64, epochs=200, curve="step", final_lr=0.5, workers=4)
