"""The learner contract: what is done about missing labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn

from mtlbench.contracts.task import Task
from mtlbench.errors import MtlbenchError

#: what the summed loss of a task is divided by, see `Learner`
Normaliser = Literal["pixels", "batch", "tasks"]


@dataclass
class Step:
    """Hold what one training step knows.

    Normalised image (B, 3, H, W), four levels (S, B, C, h, w), raw outputs per task resized to the labels
    (B, C_t, H, W), labels as `Task` describes them, and which images have them (B,). `again` runs the network
    on other normalised images, such as a second view of these: -> (levels, outputs resized to the images).
    `inputs` are the images before they were normalised, uint8 RGB (B, 3, H, W), for other networks.
    """

    image: Tensor
    levels: list[Tensor]
    outputs: dict[str, Tensor]
    labels: dict[str, Tensor]
    labelled: dict[str, Tensor]
    again: Callable[[Tensor], tuple[list[Tensor], dict[str, Tensor]]]
    inputs: Tensor


class Learner(nn.Module, ABC):
    """Add losses for what the labels leave unsaid.

    Constructed as `Learner(tasks={name: Task}, channels=(c1, c2, c3, c4), **options of the config)`. Its
    parameters train with the optimiser.

    Args:
        normaliser: what the loss of a task is. `pixels`: the mean over the valid pixels of the batch,
            whichever images they lie in. `batch`: the mean over the valid pixels of each image that has some,
            summed and divided by the number of all images. `tasks`: as `batch`, but every image counts T /
            n_i times, where n_i of its T tasks have a valid pixel.
    """

    def __init__(
        self, tasks: Mapping[str, Task], channels: Sequence[int], normaliser: Normaliser = "pixels"
    ) -> None:
        super().__init__()
        if normaliser not in get_args(Normaliser):
            raise MtlbenchError(
                f"The learner has no normaliser {normaliser!r}; set learner.normaliser to "
                f"{', '.join(get_args(Normaliser))}."
            )
        self.tasks = dict(tasks)
        self.normaliser = normaliser

    def before_step(self, step: int, steps: int) -> None:
        """Prepare training step `step`, counted from 0, of the `steps` of the run."""

    @abstractmethod
    def extra(self, step: Step) -> dict[str, Tensor]:
        """Return further scalar losses by name; the engine adds their sum to the balanced total.

        Each is a mean over the images of the batch, all of them, so that it does not depend on how a batch is
        cut. Where several processes train, all must run the network equally often and reach the same
        parameters: a loss that an image does not have is 0 with a graph.
        """
