"""What is left of an updated layer in evaluation where streams have updates of their own."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from mtlbench.engine.streams import batched_linear


class FannedLinear(nn.Module):
    """Compute y_s = W0 x + bias + (g_s − 1) ⊙ W0 x_s + B_s A_s x_s for K streams s, x the shared input.

    (S, B, ..., I) -> (S', B, ..., O), as the `NestedLinear` that this is made of. A (R, I), B (O, R) and
    g − 1 (O) are kept by stream, because their ranks differ.

    Args:
        frozen: W0 and its bias.
        A, B: by stream, the shared one first; B holds every factor.
        gain: g (K, O); None is 1.
        tasks: T, streams of single tasks; without them streams are batch.
        rms_scale: multiply updates by the RMS of each token's frozen output.
    """

    def __init__(
        self,
        frozen: nn.Linear,
        A: Mapping[str, Tensor],
        B: Mapping[str, Tensor],
        gain: Tensor | None,
        tasks: int,
        rms_scale: bool,
    ) -> None:
        super().__init__()
        self.frozen, self.tasks, self.rms_scale = frozen, tasks, rms_scale
        self.shared = len(A) > tasks
        self.A, self.B = _by_stream(A), _by_stream(B)
        self.gain = None if gain is None else _by_stream(dict(zip(A, gain - 1, strict=True)))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(x.shape[0] if self.tasks else 1, -1, x.shape[-1])
        own = flat if self.shared else flat[-self.tasks :]
        base = self.frozen(flat[:1])
        inner = batched_linear(own, pad_sequence(list(self.A.values()), batch_first=True))
        if self.rms_scale:
            norm = torch.linalg.vector_norm(base, dim=-1, keepdim=True)
            inner = inner * (norm / base.shape[-1] ** 0.5).clamp_min(1e-6)
        y = base
        if self.gain is not None:
            y = base + torch.stack(list(self.gain.values()))[:, None] * F.linear(own, self.frozen.weight)
        y = y + inner @ pad_sequence([B.T for B in self.B.values()], batch_first=True)
        y = y if self.shared else torch.cat((base, y))
        return y.reshape(-1, *x.shape[1:-1], y.shape[-1])


def _by_stream(values: Mapping[str, Tensor]) -> nn.ParameterDict:
    """Keep copies of values in their order, which the constructor of `nn.ParameterDict` would change."""
    kept = nn.ParameterDict()
    for stream, value in values.items():
        kept[stream] = nn.Parameter(value.detach().clone(memory_format=torch.contiguous_format))
    return kept
