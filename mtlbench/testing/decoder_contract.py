"""The properties that every decoder must have; subclass in a plugin's tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from mtlbench.contracts.decoder import Decoded, Decoder

CHANNELS = (8, 12, 16, 20)
SQUARE = ((8, 8), (4, 4), (2, 2), (1, 1))
ODD = ((7, 9), (4, 5), (2, 3), (1, 2))


def task_channels(count: int) -> dict[str, int]:
    """Name `count` tasks, with different output channels."""
    return {f"task{t}": t + 1 for t in range(count)}


def pyramid(streams: int, sizes: Sequence[Sequence[int]] = SQUARE, batch: int = 2) -> list[Tensor]:
    """Draw four levels (streams, batch, C, h, w), always the same."""
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(streams, batch, channels, *size, generator=generator)
        for channels, size in zip(CHANNELS, sizes, strict=True)
    ]


def every_map(decoded: Decoded) -> list[Tensor]:
    """List all maps, those that are only supervised included."""
    return [m for maps in (decoded.maps, *(more for _, more in decoded.auxiliary)) for m in maps.values()]


class DecoderContract(ABC):
    """Check a decoder; a subclass says how to make one.

    Example:
        class TestMine(DecoderContract):
            def make(self, tasks, channels):
                return Mine(tasks, channels, width=4)
    """

    #: sizes of the levels at which every parameter trains; larger where one pixel has nothing to attend to
    sizes: ClassVar[Sequence[Sequence[int]]] = SQUARE

    @abstractmethod
    def make(self, tasks: dict[str, int], channels: tuple[int, ...]) -> Decoder:
        """Construct the decoder, small enough for a test on one core."""

    def seeded(self, count: int, seed: int = 0) -> Decoder:
        """Construct the decoder for `count` tasks with reproducible parameters."""
        torch.manual_seed(seed)
        return self.make(task_channels(count), CHANNELS)

    @pytest.mark.parametrize("sizes", [SQUARE, ODD], ids=["square", "odd"])
    @pytest.mark.parametrize("count", [1, 2, 5])
    def test_yields_one_map_per_task_in_order(self, count, sizes):
        decoded = self.seeded(count)(pyramid(count, sizes))
        assert isinstance(decoded, Decoded)
        for maps in (decoded.maps, *(outputs for _, outputs in decoded.auxiliary)):
            assert [(task, tuple(m.shape[:2])) for task, m in maps.items()] == [
                (task, (2, channels)) for task, channels in task_channels(count).items()
            ]
            assert all(m.dim() == 4 and m.isfinite().all() for m in maps.values())

    def test_reads_shared_levels_as_equal_streams(self):
        decoder, shared = self.seeded(3).eval(), pyramid(1)
        expanded = [level.expand(3, -1, -1, -1, -1) for level in shared]
        for one, many in zip(decoder(shared).maps.values(), decoder(expanded).maps.values(), strict=True):
            torch.testing.assert_close(one, many, atol=1e-5, rtol=1e-5)

    def test_does_not_change_its_input(self):
        levels = pyramid(2)
        self.seeded(2)(levels)
        assert all(torch.equal(a, b) for a, b in zip(levels, pyramid(2), strict=True))

    def test_takes_another_size_after_the_first(self):
        decoder = self.seeded(2).eval()
        first = decoder(pyramid(2)).maps
        decoder(pyramid(2, ODD))
        again = decoder(pyramid(2)).maps
        assert all(torch.equal(first[task], again[task]) for task in first)

    @pytest.mark.parametrize("count", [1, 3])
    def test_trains_every_parameter(self, count):
        decoder = self.seeded(count)
        levels = [level.requires_grad_() for level in pyramid(count, self.sizes)]
        sum((m * torch.randn_like(m)).sum() for m in every_map(decoder(levels))).backward()
        dead = [n for n, p in decoder.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
        assert not dead
        assert all(level.grad.flatten(1).abs().amax(1).gt(0).all() for level in levels)

    def test_is_deterministic(self):
        first, second = (self.seeded(2, seed=7)(pyramid(2)).maps for _ in range(2))
        assert all(torch.equal(first[task], second[task]) for task in first)

    def test_treats_images_alone_in_evaluation(self):
        decoder, levels = self.seeded(2).eval(), pyramid(2, batch=3)
        together = decoder(levels).maps
        alone = decoder([level[:, 1:2] for level in levels]).maps
        for task in together:
            torch.testing.assert_close(together[task][1:2], alone[task], atol=1e-5, rtol=1e-5)

    def test_survives_a_state_round_trip(self):
        trained = self.seeded(2, seed=1)
        trained(pyramid(2))
        copy = self.seeded(2, seed=2)
        copy.load_state_dict(trained.state_dict())
        expected, got = trained.eval()(pyramid(2)).maps, copy.eval()(pyramid(2)).maps
        assert all(torch.equal(expected[task], got[task]) for task in expected)

    def test_stays_close_under_bf16_autocast(self):
        decoder = self.seeded(3)
        full = decoder(pyramid(3)).maps
        with torch.autocast("cpu", torch.bfloat16):
            decoded = decoder([level.requires_grad_() for level in pyramid(3)])
        sum(m.float().square().mean() for m in every_map(decoded)).backward()
        for task in full:
            assert (decoded.maps[task].float() - full[task]).norm() < 0.05 * full[task].norm()
        assert all(p.grad.isfinite().all() for p in decoder.parameters())
