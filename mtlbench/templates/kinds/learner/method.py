"""Agreement with the mirrored image."""

import torch
from torch import Tensor

from mtlbench.contracts.learner import Learner, Step


class {{Class}}(Learner):
    """Ask that maps of unlabelled images change little when their images are mirrored.

    Directions would have to be mirrored too, so that tasks of vectors are left alone.
    """

    def __init__(self, tasks, channels, weight: float = 0.1) -> None:
        super().__init__(tasks, channels)
        self.weight = weight

    def extra(self, step: Step) -> dict[str, Tensor]:
        """Return the mean squared difference to the mirrored view, a mean over all images of the batch."""
        _, mirrored = step.again(step.image.flip(-1))
        total = step.image.new_zeros(())
        for task, output in step.outputs.items():
            if self.tasks[task].label_kind != "vector":
                gap = (output - mirrored[task].flip(-1)).square().flatten(1).mean(1)
                total = total + torch.where(step.labelled[task], 0.0, gap).mean()
        return {"mirror": self.weight * total}
