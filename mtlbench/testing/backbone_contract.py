"""The properties that every backbone must have; subclass in a plugin's tests."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mtlbench.contracts.backbone import Attention, Backbone, Block

ROLES = {"qkv", "proj", "fc1", "fc2", "reduction", "attn", "mlp", "norm1", "norm2", "block"}
PARAMETER_ROLES = {"patch_embed", "norm", "rel_pos_bias", "pos_embed", "reduction", "attn", "mlp", "pyramid"}


class FanOut(nn.Module):
    """Give a layer's output two streams: (1, B, ..., C) -> (2, B, ..., C), the second shifted."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """Return both."""
        y = self.layer(x)
        return torch.cat([y, y + torch.linspace(-1, 1, y.shape[-1])]) if len(y) == 1 else y


class BackboneContract(ABC):
    """Check a backbone; a subclass says how to make one, without pretrained weights and small.

    Example:
        class TestMine(BackboneContract):
            def make(self):
                return Mine(pretrained=False)
    """

    #: (H, W) of an image that the backbone takes
    size: tuple[int, int] = (64, 96)

    @abstractmethod
    def make(self) -> Backbone:
        """Construct the backbone."""

    def seeded(self, seed: int = 0) -> Backbone:
        """Construct the backbone with reproducible parameters, in evaluation mode."""
        torch.manual_seed(seed)
        return self.make().eval()

    def image(self, batch: int = 2) -> Tensor:
        """Draw a normalised batch."""
        return torch.randn(batch, 3, *self.size, generator=torch.Generator().manual_seed(0))

    def test_yields_four_levels_of_one_stream(self):
        backbone = self.seeded()
        levels = backbone(self.image())
        assert len(levels) == 4
        for level, channels, stride in zip(levels, backbone.channels, backbone.strides, strict=True):
            assert level.shape[:3] == (1, 2, channels)
            assert tuple(level.shape[3:]) == tuple(-(-side // stride) for side in self.size)

    def test_sites_are_where_they_say(self):
        backbone = self.seeded()
        sites = backbone.sites()
        assert sites and {site.role for site in sites} <= ROLES
        assert len({(site.path, site.role) for site in sites}) == len(sites)
        for site in sites:
            module = backbone.get_submodule(site.path)
            linear = site.role in ("qkv", "proj", "fc1", "fc2", "reduction")
            assert not linear or isinstance(module, nn.Linear), site.path
            assert site.role != "attn" or isinstance(module, Attention), site.path
            assert site.role != "block" or isinstance(module, Block), site.path
        lasts = [(site.stage, site.block) for site in sites if site.role == "block" and site.last]
        assert len(lasts) == len({stage for stage, _ in lasts})

    def test_every_parameter_has_a_role(self):
        backbone = self.seeded()
        roles = {name: backbone.parameter_role(name) for name, _ in backbone.named_parameters()}
        assert set(roles.values()) <= PARAMETER_ROLES, roles

    def test_streams_do_not_touch_each_other(self):
        backbone = self.seeded()
        plain = backbone(self.image())
        linear = [site for site in backbone.sites() if site.role == "fc2"]
        path = linear[0].path
        backbone.set_submodule(path, FanOut(backbone.get_submodule(path)))
        both = backbone(self.image())
        assert len(both[-1]) == 2
        for level, expected in zip(both, plain, strict=True):
            torch.testing.assert_close(level[:1], expected, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(both[-1][1], both[-1][0], atol=1e-4)

    def test_images_do_not_touch_each_other(self):
        backbone, image = self.seeded(), self.image()
        for together, alone in zip(backbone(image), backbone(image[1:]), strict=True):
            torch.testing.assert_close(together[:, 1:], alone, rtol=1e-4, atol=1e-4)

    def test_state_round_trip_and_fingerprint(self):
        backbone, copy = self.seeded(1), self.seeded(2)
        copy.load_state_dict(backbone.state_dict())
        for first, second in zip(backbone(self.image()), copy(self.image()), strict=True):
            assert torch.equal(first, second)
        assert backbone.fingerprint() and backbone.fingerprint() == self.seeded(1).fingerprint()

    def test_gradients_reach_every_parameter(self):
        backbone = self.seeded().train()
        sum((level * torch.randn_like(level)).sum() for level in backbone(self.image())).backward()
        assert not [name for name, p in backbone.named_parameters() if p.grad is None]
