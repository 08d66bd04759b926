# Swin-T, ImageNet-1k weights by their timm name, levels of strides 4 to 32; image_size is set by the
# experiment.
backbone = dict(
    type="timm", name="swin_tiny_patch4_window7_224.ms_in1k", image_size=(448, 448), features="stage"
)
