"""The properties that every label protocol must have; subclass in a plugin's tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from mtlbench.contracts.label_protocol import LabelProtocol

IDS = tuple(f"image{index:03d}" for index in range(60))
TASKS = ("depth", "normals", "semseg")


class LabelProtocolContract(ABC):
    """Check a label protocol; a subclass says how to make one.

    Example:
        class TestMine(LabelProtocolContract):
            def make(self):
                return Mine()
    """

    @abstractmethod
    def make(self) -> LabelProtocol:
        """Construct the protocol."""

    def test_every_image_stays_and_only_known_tasks_are_seen(self):
        visible = self.make().visible(IDS, TASKS, 0)
        assert set(visible) >= set(IDS)
        assert all(len(set(visible[name])) == len(visible[name]) for name in IDS)
        assert any(set(visible[name]) & set(TASKS) for name in IDS)

    def test_a_draw_is_a_function_of_its_seed(self):
        first, second = (self.make().visible(IDS, TASKS, 3) for _ in range(2))
        assert _kept(first) == _kept(second)

    def test_another_seed_draws_otherwise_if_the_seed_decides(self):
        protocol = self.make()
        draws = {str(_kept(self.make().visible(IDS, TASKS, seed))) for seed in range(4)}
        decides = protocol.drawn_from(0) != protocol.drawn_from(1)
        assert len(draws) > 1 if decides else len(draws) == 1

    def test_asking_again_changes_nothing(self):
        protocol = self.make()
        first = _kept(protocol.visible(IDS, TASKS, 0))
        protocol.visible(IDS[:40], TASKS, 5)
        assert _kept(protocol.visible(IDS, TASKS, 0)) == first


def _kept(visible: dict[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {name: sorted(set(visible[name]) & set(TASKS)) for name in IDS}


def shares(visible: dict[str, tuple[str, ...]], tasks: Sequence[str] = TASKS) -> dict[str, float]:
    """Return the share of images whose label may be seen, by task: for what a protocol promises besides."""
    return {task: sum(task in visible[name] for name in IDS) / len(IDS) for task in tasks}
