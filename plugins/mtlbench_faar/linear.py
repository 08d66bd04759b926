"""Frozen linear layers with nested low-rank updates, one per stream (PDRS, FAAR)."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from mtlbench.engine.layers import dropout
from mtlbench.engine.streams import batched_linear
from mtlbench_faar.fanned import FannedLinear

SHARED = "shared"


class NestedLinear(nn.Module):
    """Hold a frozen layer W0 (O, I) and, per stream, A (R, I) and B (O, R), of which b slots are in use.

    Takes (S, B, ..., I). A layer without tasks of its own treats streams as batch. One with T tasks takes
    S = 1 or 1 + T and returns 1 + T streams: the frozen product of the *shared* input plus an update each.

    Args:
        frozen: the layer to adapt; it becomes a submodule.
        tasks: names of the tasks with an update of their own; empty where there is the shared one only.
        shared: whether the shared stream has an update; without one it is the frozen product alone.
        rank: R, slots of every stream at the start.
        scale: s, a plain multiplier.
        dropout: probability that an input element of an update is dropped in training. Streams of one shared
            input share its mask.
    """

    def __init__(
        self, frozen: nn.Linear, tasks: Sequence[str], shared: bool, rank: int, scale: float, dropout: float
    ) -> None:
        super().__init__()
        self.frozen = frozen
        self.tasks, self.shared, self.scale, self.dropout = len(tasks), shared, scale, dropout
        self.streams = {SHARED: SHARED} if shared else {}
        self.streams |= {task: parameter_key(task) for task in tasks}
        self.A, self.B = nn.ParameterDict(), nn.ParameterDict()
        for key in self.streams.values():
            self.A[key] = nn.Parameter(frozen.weight.new_empty(rank, frozen.in_features))
            self.B[key] = nn.Parameter(frozen.weight.new_zeros(frozen.out_features, rank))
            nn.init.kaiming_uniform_(self.A[key], a=math.sqrt(5))
            self.register_buffer(f"score_{key}", frozen.weight.new_zeros(rank))
        self.drawn: list[int] | None = None
        self.rms_scale = False

    def ranks(self) -> dict[str, int]:
        """Return stream -> number of slots."""
        return {stream: self.A[key].shape[0] for stream, key in self.streams.items()}

    def draw(self, rng: random.Random, initial: int, explore: float) -> None:
        """Draw b per stream for training: U{1..cap}, or with chance `explore` min(U{1..initial}, cap)."""
        caps = self.ranks().values()
        self.drawn = [min(cap, rng.randint(1, initial if rng.random() < explore else cap)) for cap in caps]

    def resize(self, ranks: Mapping[str, int]) -> None:
        """Give every stream as many slots as `ranks` says; values are left to be loaded."""
        for stream, key in self.streams.items():
            A, B, rank = self.A[key], self.B[key], ranks[stream]
            A.data = A.new_zeros(rank, A.shape[1])
            B.data = B.new_zeros(B.shape[0], rank)
            setattr(self, f"score_{key}", A.new_zeros(rank))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(x.shape[0] if self.tasks else 1, -1, x.shape[-1])
        # without a shared update the tasks' streams are the last T, or the only one
        y = self.update(flat[:1], flat if self.shared else flat[-self.tasks :])
        return y.reshape(-1, *x.shape[1:-1], y.shape[-1])

    def update(self, shared: Tensor, own: Tensor) -> Tensor:
        """Map the shared input (1, n, I) and the updates' inputs (1 or K, n, I) to all streams (K', n, O)."""
        raise NotImplementedError

    def factors(self) -> tuple[Tensor, Tensor]:
        """Return the slots in use as A (K, b, I) and Bᵀ (K, b, O), padded with zeros to the largest b."""
        in_use = self.drawn if self.training and self.drawn else self.ranks().values()
        slots = list(zip(self.streams.values(), in_use, strict=True))
        A = pad_sequence([self.A[key][:b] for key, b in slots], batch_first=True)
        B = pad_sequence([self.B[key][:, :b].T for key, b in slots], batch_first=True)
        return A, B

    @torch.no_grad()
    def deployed(self) -> nn.Module:
        """Return a plain layer where all streams pass one weight, else what is left in evaluation."""
        A, B, gain = self.evaluated()
        if self.tasks or self.rms_scale:
            A, B = (dict(zip(self.A, factors, strict=True)) for factors in (A, B))
            return FannedLinear(self.frozen, A, B, gain, self.tasks, self.rms_scale)
        self.frozen.weight.mul_(1 if gain is None else gain[0][:, None]).addmm_(B[0], A[0])
        return self.frozen

    def evaluated(self) -> tuple[list[Tensor], list[Tensor], Tensor | None]:
        """Return, by stream, A (R, I), B (O, R) with all factors in it, and the gain g (O) on W0, if any."""
        raise NotImplementedError

    def with_shared(self, base: Tensor, y: Tensor) -> Tensor:
        """Put the frozen product in front where the shared stream has no update."""
        return y if self.shared else torch.cat((base, y))

    def drop(self, x: Tensor) -> Tensor:
        """Apply the dropout of updates."""
        return dropout(x, self.dropout, self.training)


class NestedLoRA(NestedLinear):
    """Compute y_s = W0 x + bias + s · B[:, :b] A[:b] drop(x_s).

    With `rms_scale` the update is multiplied by the RMS of each token's frozen output (no gradient).
    """

    def __init__(self, *args, rms_scale: bool = False, **options) -> None:
        super().__init__(*args, **options)
        self.rms_scale = rms_scale

    def update(self, shared: Tensor, own: Tensor) -> Tensor:
        A, B = self.factors()
        base = self.frozen(shared)
        inner = batched_linear(self.drop(own), A)
        if self.rms_scale:
            norm = torch.linalg.vector_norm(base.detach(), dim=-1, keepdim=True, dtype=A.dtype)
            inner = inner * (norm / base.shape[-1] ** 0.5).clamp_min(1e-6).to(inner.dtype)
        return self.with_shared(base, torch.baddbmm(base, inner, B, alpha=self.scale))

    def evaluated(self) -> tuple[list[Tensor], list[Tensor], None]:
        A = [self.A[key] for key in self.streams.values()]
        return A, [self.scale * self.B[key] for key in self.streams.values()], None


class NestedDoRA(NestedLinear):
    """Compute y_s = W0 x + bias + (m ⊙ V − W0) drop(x_s), row norms and all, in factored form.

    With n = ‖W0‖ by rows, V0 = W0 / n, v = V0 + s·BA, V = v / ‖v‖ and m = n · exp(rate · (θ − log n)), the
    update is

        (g − 1) ⊙ W0 x_s + g ⊙ n ⊙ s·B A x_s,   g = m / (n ‖v‖),

    and ‖v‖² = 1 + 2s · diag(V0 (BA)ᵀ) + s² · diag(B A Aᵀ Bᵀ). `norm` is n; θ (O) starts at log n. An
    O x I matrix per stream is built only where the layer is so narrow that this is cheaper (`merges`).
    """

    def __init__(self, *args, magnitude_rate: float, **options) -> None:
        super().__init__(*args, **options)
        self.magnitude_rate = magnitude_rate
        self.register_buffer("norm", self.frozen.weight.detach().norm(dim=1).clamp_min(1e-6))
        self.theta = nn.ParameterDict()
        for key in self.streams.values():
            self.theta[key] = nn.Parameter(self.norm.log())

    def log_magnitude(self) -> Tensor:
        """Return log(m / n) (K, O)."""
        return self.magnitude_rate * (torch.stack(list(self.theta.values())) - self.norm.log())

    def update(self, shared: Tensor, own: Tensor) -> Tensor:
        A, B = self.factors()
        gain, B = self.gain(A, B)
        own = self.drop(own)
        update = self.merged if self.merges(A.shape[1], fanned=own.shape[0] > 1) else self.factored
        return self.with_shared(*update(shared, own, gain, A, B))

    def evaluated(self) -> tuple[list[Tensor], list[Tensor], Tensor]:
        A, B = self.factors()
        gain, B = self.gain(A, B)
        ranks = list(self.ranks().values())
        cut = zip(A, B, ranks, strict=True)
        A, B = zip(*((a[:rank], b[:rank].T) for a, b, rank in cut), strict=True)
        return list(A), list(B), gain

    def merges(self, rank: int, fanned: bool) -> bool:
        """Return whether one O x I matrix per stream costs less than the factors' passes over the tokens.

        Per token and stream, the merged form's further work is the gradient of that matrix, I·O products; the
        factored form's is A and B twice, and, on an input that is `fanned` out, passing over the frozen
        outputs of every stream, which takes as long as some 128 products each (benchmarks/faar_linear.py).
        """
        outputs, inputs = self.frozen.weight.shape
        return 2 * rank * (inputs + outputs) + 128 * outputs * fanned > inputs * outputs

    def merged(
        self, shared: Tensor, own: Tensor, gain: Tensor, A: Tensor, B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return (W0 x + bias, all streams) by way of (g − 1) ⊙ W0 + (g ⊙ n ⊙ s·B) A, (K, O, I)."""
        base = self.frozen(shared)
        matrix = torch.baddbmm((gain - 1)[:, :, None] * self.frozen.weight, B.mT, A)
        streams = len(matrix)
        return base, torch.baddbmm(base.expand(streams, -1, -1), own.expand(streams, -1, -1), matrix.mT)

    def factored(
        self, shared: Tensor, own: Tensor, gain: Tensor, A: Tensor, B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return (W0 x + bias, all streams) by way of W0 drop(x) and A drop(x)."""
        weight, bias = self.frozen.weight, self.frozen.bias
        product = F.linear(own, weight)
        if self.shared and not (self.training and self.dropout):
            base = product[:1] if bias is None else product[:1] + bias.to(product.dtype)
        else:
            base = F.linear(shared, weight, bias)
        y = torch.addcmul(base, (gain - 1).to(product.dtype)[:, None], product)
        return base, y.baddbmm_(batched_linear(own, A), B.to(y.dtype))

    def gain(self, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
        """Return g (K, O) and (g ⊙ n ⊙ s·B)ᵀ (K, b, O), in the precision of the weights."""
        with torch.autocast(A.device.type, enabled=False):
            along = F.linear(A, self.frozen.weight) / self.norm
            inner = torch.baddbmm(along, A @ A.mT, B, beta=2 * self.scale, alpha=self.scale**2)
            square = 1 + (inner * B).sum(1)
            gain = self.log_magnitude().exp() * square.clamp_min(1e-12).rsqrt()
            return gain, B * (self.scale * gain * self.norm)[:, None]


def parameter_key(task: str) -> str:
    """Return the key under which `nn.ParameterDict` can hold a task's parameter: `task` where that works."""
    key = re.sub(r"\W", lambda character: f"%{ord(character[0]):x}", task)
    return f"%{key}" if hasattr(nn.ParameterDict(), key) else key
