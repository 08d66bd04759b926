from collections import Counter

import torch

from mtlbench_timm.backbone import Timm

ROLES = {"patch_embed", "norm", "rel_pos_bias", "pos_embed", "reduction", "attn", "mlp", "pyramid"}


def roles(backbone):
    count = Counter()
    for name, parameter in backbone.named_parameters():
        count[backbone.parameter_role(name)] += parameter.numel()
    return count


def test_swin_t_has_the_published_parameters():
    with torch.device("meta"):
        backbone = Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(448, 448))
    assert sum(p.numel() for p in backbone.parameters()) == 27_517_818
    count = roles(backbone)
    assert count["patch_embed"] == 4_896
    assert count["norm"] == 23_040
    assert count["rel_pos_bias"] == 23_322
    assert count["reduction"] == 1_548_288
    assert (backbone.channels, backbone.strides) == ((192, 384, 768, 768), (8, 16, 32, 32))
    assert len(backbone.sites()) == 12 * 9 + 3


def test_all_but_head_and_final_norm_is_kept(pair, family):
    both = pair(family)
    dropped = sum(p.numel() for n, p in both.net.named_parameters() if n.startswith(("norm.", "fc_norm.")))
    assert dropped > 0
    count = roles(both.driver)
    assert set(count) <= ROLES
    assert sum(count.values()) - count["pyramid"] == sum(p.numel() for p in both.net.parameters()) - dropped
    assert (count["pyramid"] > 0) == (family != "swin")


def test_sites_are_numbered_by_stage(pair, family):
    sites = pair(family).driver.sites()
    blocks = {(site.stage, site.block): site.last for site in sites}
    depths = (2, 2, 2, 2) if family == "swin" else (1, 1, 2, 1)
    assert blocks == {(s, b): b == depth - 1 for s, depth in enumerate(depths) for b in range(depth)}
    reductions = [
        (site.path, site.stage, site.block, site.last) for site in sites if site.role == "reduction"
    ]
    expected = [(f"layers.{s}.downsample.reduction", s, 1, True) for s in range(3)]
    assert reductions == (expected if family == "swin" else [])
