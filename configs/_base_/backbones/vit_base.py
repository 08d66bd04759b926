# ViT-B/16, ImageNet-21k then 1k weights by their timm name; image_size is set by the dataset's config.
backbone = dict(type="timm", name="vit_base_patch16_224.augreg2_in21k_ft_in1k", image_size=(448, 448))
