from typing import ClassVar

import pytest
import torch

from mtlbench.testing.decoder_contract import (
    CHANNELS,
    DecoderContract,
    pyramid,
    task_channels,
)
from mtlbench_mtcp.decoder import MTCP

SMALL = {"width": 16, "window": 3}


def make(count=3, seed=0, **options):
    """Make a small decoder with reproducible parameters."""
    torch.manual_seed(seed)
    return MTCP(task_channels(count), CHANNELS, **(SMALL | options))


class TrainsAll(DecoderContract):
    options: ClassVar = {}

    def make(self, tasks, channels):
        return MTCP(tasks, channels, **(SMALL | self.options))

    @pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
    def test_trains_every_parameter(self, count):
        # the further predictions have parameters of their own
        decoder = self.seeded(count)
        levels = [level.requires_grad_() for level in pyramid(count)]
        decoded = decoder(levels)
        maps = [m for maps in (decoded.maps, *(more for _, more in decoded.auxiliary)) for m in maps.values()]
        sum((m * torch.randn_like(m)).sum() for m in maps).backward()
        dead = [n for n, p in decoder.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
        assert not dead
        assert all(level.grad.flatten(1).abs().amax(1).gt(0).all() for level in levels)

    def test_stays_close_under_bf16_autocast(self):
        decoder = self.seeded(3)
        with torch.autocast("cpu", torch.bfloat16):
            decoded = decoder([level.requires_grad_() for level in pyramid(3)])
        maps = [m for maps in (decoded.maps, *(more for _, more in decoded.auxiliary)) for m in maps.values()]
        sum(m.float().square().mean() for m in maps).backward()
        assert all(p.grad.isfinite().all() for p in decoder.parameters())


class TestReleased(TrainsAll):
    pass


class TestFigure(TrainsAll):
    options: ClassVar = {"variant": "figure"}


class TestWithoutFusion(TrainsAll):
    options: ClassVar = {"cfm": False}


class TestWithoutTraceBack(TrainsAll):
    options: ClassVar = {"srm": False}
