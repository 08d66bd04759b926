"""Linear layers whose frozen weight keeps its singular vectors while its singular values are deformed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.layers import dropout
from mtlbench.engine.streams import batched_linear
from mtlbench_ditask.spectra import Spectra, deform


class Decomposed(nn.Module):
    """Hold a frozen weight W (O, I) as P matrices U diag(S) V, one below the other.

    U (P, O / P, k) and V (P · k, I) are computed once, from whatever weight the layer has, and anew if a
    checkpoint brings another one.
    """

    U: Tensor
    V: Tensor

    def __init__(self, frozen: nn.Linear, parts: int, dropout: float) -> None:
        super().__init__()
        self.frozen = frozen
        self.parts, self.dropout = parts, dropout
        for name in "USV":
            self.register_buffer(name, None, persistent=False)
        self.register_load_state_dict_post_hook(_renew)

    def decompose(self) -> None:
        """Compute U, S and V of the frozen weight, in float64."""
        weight = self.frozen.weight.detach()
        U, S, V = torch.linalg.svd(weight.double().unflatten(0, (self.parts, -1)), full_matrices=False)
        self.U, self.S, self.V = U.to(weight), S.flatten().to(weight), V.flatten(0, 1).to(weight)
        for spectra in self.children():
            if isinstance(spectra, Spectra):
                spectra.S = S

    def product(self, x: Tensor, values: Tensor) -> Tensor:
        """Return U diag(S') V x + b for singular values S' (R, P · k): (S, B, ..., I) -> (R, B, ..., O)."""
        if self.merges(x, len(values)):
            weights = self.weights(values)
            if len(weights) == 1:
                return F.linear(x, weights[0], self.frozen.bias)
            y = batched_linear(x, weights)
            return y if self.frozen.bias is None else y + self.frozen.bias.to(y.dtype)
        inner = F.linear(x, self.V)
        inner = inner * values.to(inner.dtype).view(len(values), *[1] * (x.dim() - 2), -1)
        if self.parts == 1:
            return F.linear(inner, self.U[0], self.frozen.bias)
        pieces = zip(inner.chunk(self.parts, -1), self.U, strict=True)
        y = torch.cat([F.linear(piece, U) for piece, U in pieces], -1)
        return y if self.frozen.bias is None else y + self.frozen.bias.to(y.dtype)

    def weights(self, values: Tensor) -> Tensor:
        """Return U diag(S') V for singular values S' (R, P · k): (R, O, I)."""
        S = values.unflatten(1, (self.parts, 1, -1))
        return ((self.U * S) @ self.V.unflatten(0, (self.parts, -1))).flatten(1, 2)

    def merges(self, x: Tensor, streams: int) -> bool:
        """Return whether x takes fewer multiplications by U diag(S') V, made first, than by V, S' and U.

        Backward takes what forward takes, and the gradient of the merged weight besides.
        """
        outputs, inputs = self.frozen.weight.shape
        rank, rows, after = self.U.shape[-1], x[0].numel() // inputs, max(len(x), streams)
        dense, made = after * rows * outputs * inputs, streams * rank * outputs * inputs
        apart = rows * (len(x) * len(self.V) * inputs + after * rank * outputs)
        return 3 * dense + 2 * made < 2 * apart if torch.is_grad_enabled() else dense + made < apart

    def drop(self, x: Tensor) -> Tensor:
        """Drop elements of the first stream."""
        if not self.training or self.dropout == 0:
            return x
        return torch.cat((dropout(x[:1], self.dropout, True), x[1:]))


class SharedLinear(Decomposed):
    """Compute U diag(S') V x + b for every stream, S' deformed: (S, B, ..., I) -> (S, B, ..., O)."""

    def __init__(self, frozen: nn.Linear, shared: Spectra, parts: int = 1, dropout: float = 0.0) -> None:
        super().__init__(frozen, parts, dropout)
        self.shared = shared
        self.decompose()

    def forward(self, x: Tensor) -> Tensor:
        return self.product(self.drop(x), self.shared.values)

    @torch.no_grad()
    def deployed(self) -> nn.Linear:
        """Return the frozen layer with U diag(S') V as its weight."""
        deform([self.shared])
        self.frozen.weight.copy_(self.weights(self.shared.values)[0])
        return self.frozen


class TaskLinear(Decomposed):
    """Compute y_t = U diag(S'_t) V x_t + b for each task, and the same with S' for the shared stream.

    x_t is the input of task t, or the shared one where streams haven't fanned out: (1 or 1 + T, B, ..., I) ->
    (1 + T, B, ..., O). Without `shared` spectra there is no shared stream: (1 or T, ...) -> (T, ...).
    """

    def __init__(
        self, frozen: nn.Linear, shared: Spectra | None, task: Spectra, dropout: float = 0.0
    ) -> None:
        super().__init__(frozen, 1, dropout)
        self.shared, self.task = shared, task
        self.decompose()

    def forward(self, x: Tensor) -> Tensor:
        values = self.task.values
        if self.shared is not None:
            values = torch.cat((self.shared.values, values))
        return self.product(self.drop(x), values)

    @torch.no_grad()
    def deployed(self) -> DeformedLinear:
        """Return the layer with the singular values that learned diffeomorphisms have made."""
        spectra = [self.task] if self.shared is None else [self.shared, self.task]
        deform(spectra)
        return DeformedLinear(self.U[0], self.V, self.frozen.bias, [each.values for each in spectra])


class DeformedLinear(nn.Module):
    """Compute U diag(S_s) V x_s + b for each stream s: (1 or K, B, ..., I) -> (K, B, ..., O).

    `values` are one or two parts (k, n) of the singular values (K, n): the shared stream's before the tasks'.
    """

    def __init__(self, U: Tensor, V: Tensor, bias: Tensor | None, values: Sequence[Tensor]) -> None:
        super().__init__()
        self.U, self.V = (nn.Parameter(factor.clone(), requires_grad=False) for factor in (U, V))
        self.bias = bias
        self.values = nn.ParameterList(part.clone() for part in values)

    def forward(self, x: Tensor) -> Tensor:
        values = torch.cat(tuple(self.values))
        inner = F.linear(x, self.V) * values.view(values.shape[0], *[1] * (x.dim() - 2), -1)
        return F.linear(inner, self.U, self.bias)


def deform_all(backbone: nn.Module, _: Any = None) -> None:
    """Deform the singular values of all layers at once; a hook before the backbone's forward pass."""
    deform([module for module in backbone.modules() if isinstance(module, Spectra)])


def _renew(layer: Decomposed, _: Any) -> None:
    weight = layer.frozen.weight
    if not torch.allclose(layer.weights(layer.S[None])[0], weight, rtol=0, atol=1e-6 * layer.S.max().item()):
        layer.decompose()
