# The HRNet-style head, narrowed to the width of rooms-swin.
decoder = dict(type="hrnet", neck_channels=(8, 16, 24, 32))
