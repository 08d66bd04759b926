"""The properties every adapter must have, as a test-suite to subclass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone
from mtlbench.engine.freezing import attach
from mtlbench.engine.sites import merge
from mtlbench.testing.tiny_backbone import TinyBackbone

TASKS = ("semseg", "depth", "normals")


def attached(adapter: Adapter, backbone: Backbone | None = None) -> tuple[Backbone, dict[str, nn.Parameter]]:
    """Attach `adapter` as a run does; return the backbone and what trains, by name."""
    backbone = backbone or TinyBackbone()
    attach(adapter, backbone)
    return backbone, {name: p for name, p in backbone.named_parameters() if p.requires_grad}


def scatter(trainables: dict[str, nn.Parameter], seed: int = 1) -> None:
    """Move every trainable parameter away from where it starts, where gradients may vanish."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in trainables.values():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator).to(parameter))


def images(batch: int = 2, size: Sequence[int] = (64, 64)) -> Tensor:
    """Draw a normalised batch (B, 3, H, W)."""
    return torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(7))


class AdapterContract(ABC):
    """Check one adapter; subclass as `class TestAcme(AdapterContract)` and say how it is made.

    Every check runs on `TinyBackbone`, on a CPU, in a fraction of a second.
    """

    #: the adapter gives tasks weights of their own, which must not touch what other tasks see
    isolates: bool = False
    #: its first output is that of the pretrained backbone; where it isn't, the adapter's page says why
    starts_pretrained: bool = True

    @abstractmethod
    def make(self, tasks: Sequence[str]) -> Adapter:
        """Return a new adapter for `tasks`, options small enough for a backbone of width 8."""

    def attached(self, tasks: Sequence[str] = TASKS) -> tuple[Adapter, Backbone, dict[str, nn.Parameter]]:
        """Return an adapter of fixed weights, the backbone it was attached to, and what trains."""
        torch.manual_seed(0)
        adapter = self.make(tasks)
        return adapter, *attached(adapter)

    def test_starts_at_the_pretrained_function(self):
        if not self.starts_pretrained:
            pytest.skip("this adapter does not claim to start as the pretrained backbone")
        _, backbone, _ = self.attached()
        with torch.no_grad():
            expected = TinyBackbone().eval()(images())
            for frozen, adapted in zip(expected, backbone.eval()(images()), strict=True):
                torch.testing.assert_close(adapted, frozen.expand_as(adapted), rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("tasks", [TASKS[:1], TASKS[:2], TASKS])
    @pytest.mark.parametrize("batch", [1, 2])
    def test_yields_one_stream_or_one_per_task(self, tasks, batch):
        adapter, backbone, _ = self.attached(tasks)
        adapter.before_step(0)
        for training in (True, False):
            levels = backbone.train(training)(images(batch))
            assert all(level.shape[0] in (1, len(tasks)) for level in levels)
            assert [level.shape[2] for level in levels] == list(backbone.channels)
            assert all(level.shape[1] == batch for level in levels)
            assert [64 // level.shape[-1] for level in levels] == list(backbone.strides)

    def test_takes_images_that_are_not_square(self):
        _, backbone, _ = self.attached()
        with torch.no_grad():
            for level, stride in zip(backbone.eval()(images(1, (64, 96))), backbone.strides, strict=True):
                assert level.shape[-2:] == (64 // stride, 96 // stride) and level.isfinite().all()

    def test_merged_layers_change_no_output(self):
        _, backbone, trainables = self.attached()
        scatter(trainables)
        backbone.double().eval()
        before = [level.detach() for level in backbone(images().double())]
        merge(backbone)
        assert not [name for name, module in backbone.named_modules() if hasattr(module, "deployed")]
        for ours, merged in zip(before, backbone(images().double()), strict=True):
            torch.testing.assert_close(merged, ours, rtol=1e-8, atol=1e-8)

    def test_gradients_reach_every_trainable_parameter(self):
        _, backbone, trainables = self.attached()
        scatter(trainables)
        backbone.eval()  # nothing is dropped, no rank is drawn
        if trainables:
            _loss(backbone(images())).backward()
        silent = [name for name, p in trainables.items() if p.grad is None or not p.grad.any()]
        assert not silent, f"no gradient reaches {silent}"

    def test_only_what_it_declares_trains(self):
        adapter, backbone, trainables = self.attached()
        plain = TinyBackbone()
        values = {p.data_ptr(): name for name, p in backbone.named_parameters()}
        frozen = {name for name, p in backbone.named_parameters() if not p.requires_grad}
        assert len(values) == len(list(backbone.parameters()))
        before = {name: backbone.get_parameter(name).clone() for name in frozen}
        scatter(trainables)
        assert all(torch.equal(backbone.get_parameter(name), value) for name, value in before.items())
        expected = sum(
            p.numel()
            for name, p in plain.named_parameters()
            if "all" not in adapter.trains and plain.parameter_role(name) not in adapter.trains
        )
        assert sum(value.numel() for value in before.values()) == expected

    def test_state_dict_round_trip(self):
        adapter, backbone, trainables = self.attached()
        scatter(trainables)
        other = self.make(TASKS)
        copy, _ = attached(other, TinyBackbone(seed=5))
        other.restore(adapter.structure())
        copy.load_state_dict(backbone.state_dict())
        with torch.no_grad():
            for ours, theirs in zip(backbone.eval()(images()), copy.eval()(images()), strict=True):
                assert torch.equal(ours, theirs)

    def test_a_step_is_equal_for_equal_seeds(self):
        losses = []
        for _ in range(2):
            adapter, backbone, trainables = self.attached()
            scatter(trainables)
            adapter.before_step(11)
            torch.manual_seed(3)
            losses.append(_loss(backbone.train()(images())).item())
        assert losses[0] == losses[1]

    def test_bfloat16_autocast_stays_near_float32(self):
        _, backbone, trainables = self.attached()
        scatter(trainables)
        backbone.eval()
        exact = backbone(images())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = backbone(images())
        for a, b in zip(rough, exact, strict=True):
            assert (a.float() - b).norm() < 0.05 * b.norm()
        if trainables:
            _loss(rough).backward()
            assert all(p.grad.isfinite().all() for p in trainables.values())

    def test_images_do_not_touch_each_other(self):
        _, backbone, trainables = self.attached()
        scatter(trainables)
        with torch.no_grad():
            pair, single = backbone.eval()(images()), backbone(images()[:1])
        for a, b in zip(pair, single, strict=True):
            torch.testing.assert_close(a[:, :1], b, rtol=1e-4, atol=1e-5)

    def test_weights_of_a_task_reach_no_other_task(self):
        if not self.isolates:
            pytest.skip("this adapter claims no weights of single tasks")
        _, backbone, trainables = self.attached()
        scatter(trainables)
        backbone.eval()
        reached = dict.fromkeys(trainables, 0)
        private = [0] * len(TASKS)
        for t in range(len(TASKS)):
            backbone.zero_grad()
            _loss([level[t] for level in backbone(images())]).backward()
            for name, parameter in trainables.items():
                if parameter.grad is not None:
                    reached[name] = reached[name] + (parameter.grad != 0) * 2**t
        alone_or_all = {2**t for t in range(len(TASKS))} | {0, 2 ** len(TASKS) - 1}
        for name, mask in reached.items():
            owners = set(torch.as_tensor(mask).unique().tolist())
            assert owners <= alone_or_all, f"{name} is shared by a few tasks"
            private = [count + (2**t in owners) for t, count in enumerate(private)]
        assert all(private), "a task has no weights of its own"


def _loss(levels: Sequence[Tensor]) -> Tensor:
    """Weigh every output with its own random factor, so that nothing cancels (LayerNorm sums to zero)."""
    generator = torch.Generator().manual_seed(9)
    sums = [(level.float() * torch.randn(level.shape, generator=generator)).sum() for level in levels]
    return torch.stack(sums).sum()
