# The trace-back decoder of MT-CP, narrow enough for a CPU, its heads as wide as the release's; windows of 8
# tile the maps of rooms-swin.
decoder = dict(type="mt-cp", width=16, head_width=256, window=8)
