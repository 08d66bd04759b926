"""HyperFormer (Mahabadi et al., ACL 2021) on backbones of several widths."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone
from mtlbench.engine.streams import batched_linear
from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench_hypernets.emission import Emission, Once, Part, per_task
from mtlbench_hypernets.sites import Place, places_by_width

SHARING = ("location", "shape")


class HyperFormer(Adapter):
    """Add adapters of single tasks whose weights hyper-networks emit, which all tasks share.

    Streams fan out (S: 1 -> T) at the first adapter.

    Args:
        tasks: names of the tasks.
        embedding: e, size of the embeddings and of what hyper-networks are conditioned on.
        hidden: hidden size of the network that joins task, layer and position.
        reduction_factor: the bottleneck of an adapter is its width divided by this.
        hypernetworks: one for each `location`, or one for all locations of a `shape`.
        roles: which layers adapters follow, `proj` (attention) and `fc2` (MLP).
        trains: roles of the backbone's own parameters that train too.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        embedding: int = 32,
        hidden: int = 128,
        reduction_factor: int = 2,
        hypernetworks: str = "location",
        roles: Collection[str] = ("fc2",),
        trains: Collection[str] = (),
    ) -> None:
        super().__init__(tasks)
        if hypernetworks not in SHARING:
            hint = did_you_mean(str(hypernetworks), SHARING)
            raise MtlbenchError(
                f"hyperformer has no hypernetworks per {hypernetworks!r}: "
                f"choose {' or '.join(SHARING)}.{hint}"
            )
        self.roles, self.trains = tuple(roles), tuple(trains)
        self._network = partial(
            HyperNetwork,
            len(self.tasks),
            embedding=embedding,
            hidden=hidden,
            reduction_factor=reduction_factor,
            shared=hypernetworks == "shape",
        )

    def attach(self, backbone: Backbone) -> None:
        """Put an adapter behind every chosen layer, and the hyper-networks beside the backbone's stages."""
        groups = places_by_width(backbone, self.roles)
        network = self._network(groups)
        backbone.hypernetwork = network
        for width, places in groups.items():
            source = Once(partial(network.emit, width), len(places))
            for index, place in enumerate(places):
                layer = backbone.get_submodule(place.path)
                backbone.set_submodule(place.path, EmittedAdapter(layer, source, index))


class HyperNetwork(nn.Module):
    """Emit adapters of all tasks from what they are for.

        v = LN(W2 ReLU(W1 [task, layer, position])),   every weight of an adapter = (W v + b) of its part

    Args:
        tasks: T.
        groups: width -> the places of adapters of that width.
        embedding: e.
        hidden: hidden size, outputs of W1.
        reduction_factor: width / bottleneck.
        shared: whether all places of a width share W and b.
    """

    def __init__(
        self,
        tasks: int,
        groups: Mapping[int, Sequence[Place]],
        *,
        embedding: int,
        hidden: int,
        reduction_factor: int,
        shared: bool,
    ) -> None:
        super().__init__()
        everywhere = [place for places in groups.values() for place in places]
        layers = 1 + max(place.layer for place in everywhere)
        positions = 1 + max(place.position for place in everywhere)
        self._embedding = embedding
        self.task, self.layer, self.position = (
            nn.Parameter(torch.randn(count * embedding)) for count in (tasks, layers, positions)
        )
        self.join = nn.Sequential(
            nn.Linear(3 * embedding, hidden),
            nn.ReLU(),
            nn.Linear(hidden, embedding),
            nn.LayerNorm(embedding),
        )
        self.emissions = nn.ModuleDict()
        for width, places in groups.items():
            parts = adapter_parts(width, width // reduction_factor)
            locations = 1 if shared else len(places)
            self.emissions[str(width)] = Emission(parts, embedding, locations, bias=True)
            for name in ("layer", "position"):
                numbers = torch.tensor([getattr(place, name) for place in places])
                self.register_buffer(f"{name}s_{width}", numbers, persistent=False)

    def emit(self, width: int) -> dict[str, Tensor]:
        """Return the weights (L, T, ...) of the L adapters of one width."""
        task, layer, position = (
            vectors.view(-1, self._embedding) for vectors in (self.task, self.layer, self.position)
        )
        layer = layer[getattr(self, f"layers_{width}")][:, None].expand(-1, len(task), -1)
        position = position[getattr(self, f"positions_{width}")][:, None].expand(-1, len(task), -1)
        v = self.join(torch.cat((task.expand(len(layer), -1, -1), layer, position), -1))
        return self.emissions[str(width)].emit(v)


class EmittedAdapter(nn.Module):
    """Compute h + γ_t ⊙ LN(U_t φ(D_t h + b_t) + c_t) + β_t, where h is what the frozen layer puts out.

    Takes (S, B, ..., I), S = 1 or T, and returns (T, B, ..., O); φ is GELU. Nothing here trains: all weights
    come from `source`, γ and β as zero at the start.
    """

    def __init__(self, frozen: nn.Linear, source: Once, index: int) -> None:
        super().__init__()
        self.frozen = frozen
        self._source, self._index = source, index

    def forward(self, x: Tensor) -> Tensor:
        h = self.frozen(x)
        weights = {name: values[self._index] for name, values in self._source.read(self._index).items()}
        inner = batched_linear(h, weights["down"])
        inner = F.gelu(inner + per_task(weights["down_bias"], inner))
        up = batched_linear(inner, weights["up"])
        normed = F.layer_norm(up + per_task(weights["up_bias"], up), up.shape[-1:])
        update = per_task(weights["gamma"], up) * normed + per_task(weights["beta"], up)
        return h + update.to(h.dtype)


def adapter_parts(width: int, bottleneck: int) -> dict[str, Part]:
    """Describe the weights of an adapter with its norm; products keep the variance, the norm closes it."""
    return {
        "down": Part((bottleneck, width), width**-0.5),
        "down_bias": Part((bottleneck,), 0.0),
        "up": Part((width, bottleneck), bottleneck**-0.5),
        "up_bias": Part((width,), 0.0),
        "gamma": Part((width,), 0.0),
        "beta": Part((width,), 0.0),
    }
