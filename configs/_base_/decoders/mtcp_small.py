# The trace-back decoder of MT-CP, narrow enough for a CPU; windows of 8 tile the maps of rooms-swin.
decoder = dict(type="mt-cp", width=16, window=8)
