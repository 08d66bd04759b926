import pytest
import torch
import torch.nn.functional as F

from mtlbench_timm.backbone import Timm
from mtlbench_timm.errors import BadImageSize, BadOption, UnknownModel


def assert_equal_levels(driver, image, expected):
    levels = driver(image)
    assert len(levels) == len(expected) == 4
    for level, reference, channels in zip(levels, expected, driver.channels, strict=True):
        assert level.shape == (1, len(image), channels, *reference.shape[-2:])
        torch.testing.assert_close(level[0], reference, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch, size", [(2, (64, 64)), (1, (64, 96))])
@torch.no_grad()
def test_equals_timm(pair, family, batch, size):
    both = pair(family, size)
    image = torch.randn(batch, 3, *size)
    assert_equal_levels(both.driver, image, both.reference(image))


@torch.no_grad()
def test_equals_timm_at_another_size_than_it_was_built_for(pair, family):
    both = pair(family, (64, 96))
    image = torch.randn(1, 3, 96, 48)
    assert_equal_levels(both.driver, image, both.reference(image))


@pytest.mark.parametrize(
    "built, size", [((60, 100), (60, 100)), ((64, 64), (52, 108)), ((128, 128), (36, 44))]
)
@torch.no_grad()
def test_swin_pads_maps_as_timm_does(pair, built, size):
    both = pair("swin", built)
    image = torch.randn(1, 3, *size)
    assert_equal_levels(both.driver, image, both.reference(image))


@torch.no_grad()
def test_swin_pads_images_to_whole_patches(pair):
    both = pair("swin")
    image = torch.randn(1, 3, 61, 95)
    assert_equal_levels(both.driver, image, both.reference(F.pad(image, (0, 1, 0, 3))))


@torch.no_grad()
def test_merged_levels_are_what_enters_the_next_stage(pair):
    both = pair("swin", features="merged")
    image = torch.randn(1, 3, 64, 96)
    entering = []
    for stage in both.net.layers[1:]:
        stage.downsample.register_forward_hook(lambda _m, _i, out: entering.append(out.permute(0, 3, 1, 2)))
    last = both.reference(image)[-1]
    assert both.driver.channels == (48, 96, 192, 192)
    assert both.driver.strides == (8, 16, 32, 32)
    assert_equal_levels(both.driver, image, [*entering, last])


def test_gradients_equal_timms(pair, family):
    both = pair(family)
    both.net.double(), both.driver.double()
    image = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    kinds = ("qkv.weight", "fc1.weight", "relative_position_bias_table")
    ours = [p for name, p in both.driver.named_parameters() if name.endswith(kinds)]
    theirs = [p for name, p in both.net.named_parameters() if name.endswith(kinds)]
    sum(level.square().mean() for level in both.driver(image)).backward()
    sum(level.square().mean() for level in both.reference(image)).backward()
    for mine, reference in zip(ours, theirs, strict=True):
        assert reference.grad.abs().max() > 0
        torch.testing.assert_close(mine.grad, reference.grad, rtol=1e-6, atol=1e-9)


@torch.no_grad()
def test_runs_under_bfloat16_autocast(pair, family):
    driver = pair(family).driver
    image = torch.randn(1, 3, 64, 96)
    exact = driver(image)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = driver(image)
    for a, b in zip(exact, rounded, strict=True):
        assert (a - b.float()).norm() < 0.1 * a.norm()


def test_vit_refuses_a_part_of_a_patch(pair):
    with pytest.raises(BadImageSize, match=r"50x64 is not a whole number of 16x16 patches; resize or crop"):
        pair("vit").driver(torch.randn(1, 3, 50, 64))
    with pytest.raises(
        BadImageSize, match=r"patches, not 50x70; set, say, `backbone.image_size` to \(48, 64\)"
    ):
        Timm("test_vit", pretrained=False, image_size=(50, 70))


def test_patches_of_14_pixels_reach_the_same_strides():
    from timm.models.vision_transformer import VisionTransformer

    from mtlbench_timm.vit import Vit

    net = VisionTransformer(
        img_size=(112, 224), patch_size=14, embed_dim=16, depth=4, num_heads=2, num_classes=0
    )
    levels = Vit(net)(torch.randn(1, 3, 112, 224))
    assert [tuple(level.shape[-2:]) for level in levels] == [(112 // s, 224 // s) for s in (4, 8, 16)] + [
        (4, 7)
    ]


def test_refuses_what_it_cannot_run():
    with pytest.raises(
        UnknownModel, match=r'no model "swin_tiny_patch4_window7_22"\. Did you mean "swin_tiny_'
    ):
        Timm("swin_tiny_patch4_window7_22")
    with pytest.raises(
        UnknownModel, match=r'"resnet18" is a ResNet, which no driver runs; supported are Swin'
    ):
        Timm("resnet18")
    with pytest.raises(UnknownModel, match="hybrid stem"):
        Timm("vit_tiny_r_s16_p8_224", pretrained=False)
    with pytest.raises(BadOption, match=r"has no patch merging; leave `backbone.features` out"):
        Timm("test_vit", features="stage")
    with pytest.raises(BadOption, match='is "stages"; say "merged" or "stage"'):
        Timm("swin_tiny_patch4_window7_224", pretrained=False, features="stages")
