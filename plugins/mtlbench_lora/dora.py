"""Frozen linear layers whose weights' directions and magnitudes are updated (DoRA)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.streams import batched_linear
from mtlbench_lora.linear import Update


class TaskDoRALinear(Update):
    """Compute y_t = g_t ⊙ (W x_t + s · B_t A_t drop(x_t)) + b: (S, B, ..., I) -> (T, B, ..., O), S = 1 or T.

    g = m / ‖W + s · BA‖, norms by rows (eq. 5). Magnitudes m start at ‖W‖, so that g = 1; they are kept
    flat (T·O). One input of all tasks passes W once, and tasks share its dropout.

    Args:
        args, options: of `Update`.
        detach_norm: let no gradient through the norm (section 4.3).
    """

    def __init__(self, *args, detach_norm: bool = True, **options) -> None:
        super().__init__(*args, **options)
        self.detach_norm = detach_norm
        norm = torch.linalg.vector_norm(self.frozen.weight.detach(), dim=1)
        self.magnitude = nn.Parameter(norm.repeat(self.B.shape[:-2].numel()))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1, -2)
        A, B, gain = self.factors()
        base, inner = F.linear(flat, self.frozen.weight), batched_linear(self.drop(flat), A)
        y = base * gain if self.frozen.bias is None else base * gain + self.frozen.bias
        # the gain is near 1, where a short float tells little: it is applied before rounding
        y = torch.baddbmm(y.to(base.dtype), inner, B.mT * (self.scale * gain))
        return y.view(-1, *x.shape[1:-1], y.shape[-1])

    def factors(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return A (R, k, I), B (R, O, k) and g (R, 1, O) of R = 1 or T sets, in the weights' precision."""
        A, B = (factor.view(-1, *factor.shape[-2:]) for factor in (self.A, self.expansion()))
        with torch.autocast(A.device.type, enabled=False):
            norm = self.norm(A.detach(), B.detach()) if self.detach_norm else self.norm(A, B)
            return A, B, (self.magnitude.view_as(norm) / norm)[:, None]

    def norm(self, A: Tensor, B: Tensor) -> Tensor:
        """Return ‖W + s · BA‖ by rows (R, O), without that matrix.

        Its square is ‖W‖² + 2s · (W Aᵀ) ⊙ B + s² · (B (A Aᵀ)) ⊙ B, summed over the inner values.
        """
        weight = self.frozen.weight
        along = (A @ weight.T).mT  # W Aᵀ
        cross = torch.baddbmm(along, B, A @ A.mT, beta=2 * self.scale, alpha=self.scale**2)
        square = torch.linalg.vector_norm(weight, dim=1).square() + (cross * B).sum(-1)
        return square.clamp_min(1e-12).sqrt()


class DoRALinear(TaskDoRALinear):
    """Compute y = g ⊙ (W x + s · B A drop(x)) + b for every stream: (S, B, ..., I) -> (S, B, ..., O)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, 1)[None])[0].unflatten(0, x.shape[:2])

    @torch.no_grad()
    def deployed(self) -> nn.Linear:
        """Return the frozen layer with g ⊙ (W + s · BA) as its weight."""
        A, B, gain = self.factors()
        self.frozen.weight.addmm_(B[0], A[0], alpha=self.scale).mul_(gain[0].T)
        return self.frozen
