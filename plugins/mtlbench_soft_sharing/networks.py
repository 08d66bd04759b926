"""A backbone per task: every layer with T sets of weights, whose products are batched over streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.contracts.backbone import Attention, Backbone


class OwnLinear(nn.Module):
    """Map the channels of every stream with its task's weight (T, O, I) and bias (T·O,): (T, B, ..., I)."""

    def __init__(self, layer: nn.Linear, tasks: int) -> None:
        super().__init__()
        self.weight = _copies(layer.weight, tasks)
        self.bias = None if layer.bias is None else _flat(layer.bias, tasks)

    def forward(self, x: Tensor) -> Tensor:
        """Map every stream; all are one batched product."""
        flat, weight = x.reshape(len(x), -1, x.shape[-1]), self.weight.mT
        if self.bias is None:
            y = torch.bmm(flat, weight)
        else:
            y = torch.baddbmm(self.bias.view(len(weight), 1, -1), flat, weight)
        return y.view(*x.shape[:-1], -1)


class OwnNorm(nn.Module):
    """Normalise channels, then scale and shift them per task; `weight` and `bias` are (T·C,)."""

    def __init__(self, norm: nn.LayerNorm, tasks: int) -> None:
        super().__init__()
        self.channels, self.eps = norm.normalized_shape[0], norm.eps
        self.weight, self.bias = (_flat(values, tasks) for values in (norm.weight, norm.bias))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise every stream of x (T, B, ..., C)."""
        y = F.layer_norm(x, (self.channels,), eps=self.eps)
        weight, bias = (v.view(-1, *[1] * (x.ndim - 2), self.channels) for v in (self.weight, self.bias))
        return torch.addcmul(bias, y, weight)


class OwnPatches(nn.Module):
    """Embed patches for every task, streams folded: (B, 3, H, W) -> (T·B, C, h, w).

    `weight` (T·C, 3, p, p) and `bias` (T·C,) are one convolution, as all tasks see one image.
    """

    def __init__(self, layer: nn.Conv2d, tasks: int) -> None:
        super().__init__()
        self.stride, self.tasks = layer.stride, tasks
        self.weight = _flat(layer.weight, tasks)
        self.bias = None if layer.bias is None else _flat(layer.bias, tasks)

    def forward(self, image: Tensor) -> Tensor:
        """Embed an image once per task."""
        y = F.conv2d(image, self.weight, self.bias, self.stride)
        return torch.cat(y.chunk(self.tasks, 1))  # a view's layout would depend on the number of images


def split(backbone: Backbone, tasks: int) -> set[str]:
    """Replace linear layers, norms, the patch embedding and tables of relative positions by T of each.

    What else a backbone has (class tokens, position embeddings, scales, a pyramid) stays one for all tasks.

    Returns:
        names of the parameters that every task has one of now.
    """
    names = set()
    for path, layer in list(_layers(backbone)):
        make = next(make for kind, make in _KINDS.items() if isinstance(layer, kind))
        backbone.set_submodule(path, make(layer, tasks))
        names |= {f"{path}.{name}" for name, _ in layer.named_parameters()}
    for name in [n for n, _ in backbone.named_parameters() if backbone.parameter_role(n) == "rel_pos_bias"]:
        path, _, attribute = name.rpartition(".")
        setattr(backbone.get_submodule(path), attribute, _copies(backbone.get_parameter(name), tasks))
        names.add(name)
    return names


@torch.no_grad()
def fill(backbone: Backbone, task: int, state: Mapping[str, Tensor]) -> None:
    """Give one task of a split backbone the tensors of a plain one, by their names there."""
    for name, value in state.items():
        backbone.get_parameter(name).view(-1, *value.shape)[task] = value


_KINDS = {nn.Linear: OwnLinear, nn.LayerNorm: OwnNorm, nn.Conv2d: OwnPatches}


def _layers(backbone: Backbone) -> Iterator[tuple[str, nn.Module]]:
    """Yield the path and the layer of everything that takes streams and may be replaced."""
    for path, module in backbone.named_modules():
        if isinstance(module, tuple(_KINDS)):
            parent = backbone.get_submodule(path.rpartition(".")[0])
            inside = isinstance(parent, Attention) and module not in (parent.qkv, parent.proj)
            if not inside and backbone.parameter_role(f"{path}.weight") != "pyramid":
                yield path, module


def _copies(values: Tensor, tasks: int) -> nn.Parameter:
    """Stack T copies: (T, *shape)."""
    return nn.Parameter(values.detach().repeat(tasks, *[1] * values.ndim))


def _flat(values: Tensor, tasks: int) -> nn.Parameter:
    """Put T copies behind each other: (T·n, ...); vectors stay flat, so they don't decay."""
    return nn.Parameter(values.detach().repeat(tasks, *[1] * (values.ndim - 1)))
