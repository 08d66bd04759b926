"""Polyhistor and Polyhistor-Lite (Liu et al., NeurIPS 2022), re-implemented."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone
from mtlbench.errors import MtlbenchError
from mtlbench_hypernets.decomposed import decomposed_linear
from mtlbench_hypernets.emission import Emission, Once, Part, per_task
from mtlbench_hypernets.sites import places_by_width


class Polyhistor(Adapter):
    """Add adapters of single tasks whose matrices decomposed hyper-networks emit as two low-rank factors.

    Streams fan out (S: 1 -> T) at the first adapter.

    Args:
        tasks: names of the tasks.
        embedding: e, size of a task's embedding.
        rank: r, inner size of the factors.
        reduction_factor: the bottleneck of an adapter is its width divided by this.
        roles: which layers adapters follow, `proj` (attention) and `fc2` (MLP).
        trains: roles of the backbone's own parameters that train too.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        embedding: int = 32,
        rank: int = 15,
        reduction_factor: int = 2,
        roles: Collection[str] = ("fc2",),
        trains: Collection[str] = (),
    ) -> None:
        super().__init__(tasks)
        self.embedding, self.rank, self.reduction_factor = embedding, rank, reduction_factor
        self.roles, self.trains = tuple(roles), tuple(trains)

    def attach(self, backbone: Backbone) -> None:
        """Put an adapter behind every chosen layer, and the hyper-networks beside the backbone's stages."""
        groups = places_by_width(backbone, self.roles)
        network = DecomposedHyperNetwork(len(self.tasks), self.embedding)
        backbone.hypernetwork = network
        for width, places in groups.items():
            parts = self.parts(width)
            network.emissions[str(width)] = Emission(parts, self.embedding, len(places))
            source = Once(partial(network.emit, str(width)), len(places))
            for index, place in enumerate(places):
                layer = backbone.get_submodule(place.path)
                adapter = DecomposedAdapter(layer, len(self.tasks), source, index)
                backbone.set_submodule(place.path, adapter)

    def parts(self, width: int) -> dict[str, Part]:
        """Describe the factors of D (m, width) and U (width, m); products keep the variance, U is zero."""
        bottleneck = width // self.reduction_factor
        return {
            "down_left": Part((bottleneck, self.rank), self.rank**-0.5),
            "down_right": Part((self.rank, width), width**-0.5),
            "up_left": Part((width, self.rank), 0.0),
            "up_right": Part((self.rank, bottleneck), bottleneck**-0.5),
        }


class PolyhistorLite(Polyhistor):
    """Add adapters of single tasks that Kronecker products expand from one emitted template.

        D_l,t = S_l ⊗ K_t   and likewise U: the hyper-networks emit K_t once, S_l belongs to the layer

    Args:
        tasks: names of the tasks.
        embedding: e, size of a task's embedding.
        rank: r, inner size of the factors of K_t.
        reduction_factor: the bottleneck of an adapter is its width divided by this.
        template: width of the template, which divides all widths.
        roles: which layers adapters follow, `proj` (attention) and `fc2` (MLP).
        trains: roles of the backbone's own parameters that train too.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        embedding: int = 64,
        rank: int = 20,
        reduction_factor: int = 2,
        template: int = 96,
        roles: Collection[str] = ("fc2",),
        trains: Collection[str] = (),
    ) -> None:
        super().__init__(tasks, embedding, rank, reduction_factor, roles, trains)
        self.template = template

    def attach(self, backbone: Backbone) -> None:
        """Put an adapter behind every chosen layer, and the hyper-network beside the backbone's stages."""
        groups = places_by_width(backbone, self.roles)
        odd = [width for width in groups if width % self.template]
        if odd:
            raise MtlbenchError(
                f"polyhistor-lite cannot scale a template of {self.template} channels to {odd[0]}: choose a "
                "`template` that divides every width of the backbone."
            )
        network = DecomposedHyperNetwork(len(self.tasks), self.embedding)
        backbone.hypernetwork = network
        network.emissions["template"] = Emission(self.parts(self.template), self.embedding)
        places = [(place, width) for width, group in groups.items() for place in group]
        order = {site.path: number for number, site in enumerate(backbone.sites())}
        places.sort(key=lambda item: order[item[0].path])
        source = Once(partial(network.emit, "template"), len(places))
        for index, (place, width) in enumerate(places):
            layer = backbone.get_submodule(place.path)
            adapter = DecomposedAdapter(layer, len(self.tasks), source, index, scale=width // self.template)
            backbone.set_submodule(place.path, adapter)


class DecomposedHyperNetwork(nn.Module):
    """Emit low-rank factors for all tasks from an embedding of each, W v_t without a bias."""

    def __init__(self, tasks: int, embedding: int) -> None:
        super().__init__()
        self._tasks = tasks
        self.task = nn.Parameter(torch.randn(tasks * embedding))
        self.emissions = nn.ModuleDict()

    def emit(self, group: str) -> dict[str, Tensor]:
        """Return the factors (L, T, ...) of the L adapters of a group, or of its one template."""
        return self.emissions[group].emit(self.task.view(1, self._tasks, -1))


class DecomposedAdapter(nn.Module):
    """Compute h + U_t φ(D_t LN_t(h)), where h is what the frozen layer puts out.

    Takes (S, B, ..., I), S = 1 or T, and returns (T, B, ..., O). φ is GELU; LN_t has a weight and a bias per
    task. D_t and U_t come as factors from `source`, U_t as zero at the start.

    Args:
        frozen: the layer that the adapter follows; it becomes a submodule.
        tasks: T.
        source: where the factors come from.
        index: which of the source's locations this is.
        scale: s, where the source emits one template for all locations: then the matrices are S ⊗ K_t with
            S (s, s) of this layer, which starts from the identity.
    """

    def __init__(
        self, frozen: nn.Linear, tasks: int, source: Once, index: int, scale: int | None = None
    ) -> None:
        super().__init__()
        self.frozen = frozen
        self._tasks, self._source, self._index = tasks, source, index
        width = frozen.out_features
        self.norm_weight = nn.Parameter(torch.ones(tasks * width))
        self.norm_bias = nn.Parameter(torch.zeros(tasks * width))
        self.scale_down = self.scale_up = None
        if scale is not None:
            self.scale_down, self.scale_up = (nn.Parameter(torch.eye(scale).flatten()) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        h = self.frozen(x)
        emitted = self._source.read(self._index)
        own = 0 if self.scale_down is not None else self._index
        factors = {name: values[own] for name, values in emitted.items()}
        weight, bias = (
            per_task(vectors.view(self._tasks, -1), h) for vectors in (self.norm_weight, self.norm_bias)
        )
        normed = F.layer_norm(h, h.shape[-1:]) * weight + bias
        inner = decomposed_linear(normed, factors["down_left"], factors["down_right"], self.scale_down)
        update = decomposed_linear(F.gelu(inner), factors["up_left"], factors["up_right"], self.scale_up)
        return h + update.to(h.dtype)
