"""The learner contract: what is done about missing labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from mtlbench.contracts.task import Task


@dataclass
class Step:
    """Hold what one training step knows.

    Normalised image (B, 3, H, W), four levels (S, B, C, h, w), raw outputs per task resized to the labels
    (B, C_t, H, W), labels as `Task` describes them, and which images have them (B,). `again` runs the network
    on other normalised images, such as a second view of these: -> (levels, outputs resized to the images).
    """

    image: Tensor
    levels: list[Tensor]
    outputs: dict[str, Tensor]
    labels: dict[str, Tensor]
    labelled: dict[str, Tensor]
    again: Callable[[Tensor], tuple[list[Tensor], dict[str, Tensor]]]


class Learner(nn.Module, ABC):
    """Add losses for what the labels leave unsaid.

    Constructed as `Learner(tasks={name: Task}, channels=(c1, c2, c3, c4), **options of the config)`. Its
    parameters train with the optimiser.
    """

    def __init__(self, tasks: Mapping[str, Task], channels: Sequence[int]) -> None:
        super().__init__()
        self.tasks = dict(tasks)

    @abstractmethod
    def extra(self, step: Step) -> dict[str, Tensor]:
        """Return further scalar losses by name; the engine adds their sum to the balanced total."""
