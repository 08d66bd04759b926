"""A linear head per task on the four levels."""

from torch import nn
from torch.nn.functional import interpolate

from mtlbench.contracts.decoder import Decoded, Decoder


class {{Class}}(Decoder):
    """Project every level to `width` channels, add them up at the finest, and predict each task linearly."""

    def __init__(self, tasks, channels, width: int = 32) -> None:
        super().__init__(tasks, channels)
        self.lateral = nn.ModuleList(nn.Conv2d(channel, width, 1) for channel in self.channels)
        self.heads = nn.ModuleDict({task: nn.Conv2d(width, count, 1) for task, count in self.tasks.items()})

    def forward(self, levels) -> Decoded:
        """Decode levels (S, B, C, h, w), finest first; stream t is task t's, or one is everybody's."""
        size = levels[0].shape[-2:]
        features = sum(
            interpolate(layer(level.flatten(0, 1)), size, mode="bilinear").unflatten(0, level.shape[:2])
            for layer, level in zip(self.lateral, levels, strict=True)
        ).relu()
        streams = features.expand(len(self.tasks), *features.shape[1:])
        return Decoded({task: self.heads[task](streams[t]) for t, task in enumerate(self.tasks)})
