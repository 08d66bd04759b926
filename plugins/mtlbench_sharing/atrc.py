"""ATRC: each task takes a context of its own choice from each other task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.contracts.decoder import Decoded, Decoder
from mtlbench.engine.layers import GlobalBatchNorm, resize
from mtlbench_sharing.contexts import GlobalContext, LabelContext, LocalContext
from mtlbench_sharing.genotypes import contexts_of
from mtlbench_sharing.layers import Heads, TaskConv, conv_norm, merge
from mtlbench_sharing.levels import Neck
from mtlbench_sharing.regions import Regions

#: regions of tasks whose outputs are no classes, as published
REGIONS = MappingProxyType({"depth": 40, "normals": 40})


class ATRC(Decoder):
    """Refine every task's features by contexts that the genotype chooses per ordered pair of tasks.

    Source: Brüggemann et al., ATRC, ICCV 2021, and its public code, without its search for genotypes. A
    context is attention of a target's pixels to a source's: to all of them (`global`), to those in a square
    around (`local`), or to the means of regions, which the target's (`t-label`) or the source's labels
    (`s-label`) define, as an auxiliary prediction sees them, supervised with the weight `auxiliary_weight`.

    Args:
        genotype: a context for all pairs, a published genotype by its name, or {target: {source: context}}.
        neck_channels: channels of the levels that are resized and concatenated, finest first.
        width: channels of every task's features; a quarter of the concatenated channels by default.
        attention_width: channels of queries, keys and values; half of `width` by default.
        regions: how many regions a task has, if not one per output, or 2 for one output.
        dropout: rate at which channels are dropped before the final prediction.
        auxiliary_weight: weight of the auxiliary predictions' losses, beside 1 of the final ones.

    Raises:
        UnknownContext: a context does not exist.
        MissingPair: the genotype says nothing of a pair.
    """

    def __init__(
        self,
        tasks: Mapping[str, int],
        channels: Sequence[int],
        genotype: str | Mapping[str, Mapping[str, str]] = "t-label",
        neck_channels: Sequence[int] = (18, 36, 72, 144),
        width: int | None = None,
        attention_width: int | None = None,
        regions: Mapping[str, int] = REGIONS,
        dropout: float = 0.05,
        auxiliary_weight: float = 1.0,
    ) -> None:
        super().__init__(tasks, channels)
        names, joined = list(self.tasks), sum(neck_channels)
        width = width or joined // 4
        attention_width = attention_width or width // 2
        self.auxiliary_weight = auxiliary_weight
        self.neck = Neck(self.channels, neck_channels)
        self.features = nn.Sequential(conv_norm(len(names), joined, width, 3), nn.ReLU())
        groups = _groups(contexts_of(genotype, names))
        labels = sorted({label for _, label in groups if label is not None})
        counts = {
            names[label]: regions.get(names[label], max(2, self.tasks[names[label]])) for label in labels
        }
        self.regions = Regions({names[label]: self.tasks[names[label]] for label in labels}, joined, counts)
        self.pairs = [(label, pairs) for (_, label), pairs in groups.items()]
        self.contexts = nn.ModuleList(
            KINDS[kind](len(pairs), width, attention_width) for (kind, _), pairs in groups.items()
        )
        self.labels = labels
        targets = [target for _, pairs in self.pairs for target, _ in pairs]
        self.receivers = sorted(set(targets))
        self.received = [[i for i, t in enumerate(targets) if t == target] for target in self.receivers]
        self.join = nn.ModuleList(
            nn.Conv2d(len(own) * attention_width, width, 1, bias=False) for own in self.received
        )
        self.mix = TaskConv(len(names), width, width)
        if self.receivers:
            self.join_norm = GlobalBatchNorm(len(self.receivers) * width)
            nn.init.zeros_(self.join_norm.weight)
            self.mix_received = TaskConv(len(self.receivers), width, width)
        self.mix_norm = GlobalBatchNorm(len(names) * width)
        self.drop = nn.Dropout2d(dropout)
        self.final = Heads(self.tasks, width)

    def forward(self, levels: Sequence[Tensor]) -> Decoded:
        """Decode four levels (S, B, C, h, w), each of S = T or 1, at the size of the first."""
        levels = self.neck(levels)
        streams, size = max(level.shape[0] for level in levels), levels[0].shape[-2:]
        joined = torch.cat([resize(level, size).expand(streams, -1, -1, -1, -1) for level in levels], 2)
        features = self.features(merge(joined))
        # auxiliary losses train nothing but the auxiliary predictions
        seen = joined.detach()
        logits = self.regions(merge(seen if streams == 1 else seen[self.labels])) if self.labels else {}
        mixed = self.mix(features)
        if self.receivers:
            mixed = self._add(mixed, self._received(features, list(logits.values())))
        maps = self.final(self.drop(F.relu(self.mix_norm(mixed))))
        if not (self.training and logits):
            return Decoded(maps)
        return Decoded(maps, ((self.auxiliary_weight, self.regions.predict(logits)),))

    def _received(self, features: Tensor, logits: Sequence[Tensor]) -> Tensor:
        """Join the contexts (B, R·C, H, W) of all R tasks that receive one."""
        tasks = features.unflatten(1, (len(self.tasks), -1))
        regions = {label: z.flatten(2).softmax(2) for label, z in zip(self.labels, logits, strict=True)}
        found = []
        for (label, pairs), context in zip(self.pairs, self.contexts, strict=True):
            target, source = (tasks[:, list(ends)].flatten(1, 2) for ends in zip(*pairs, strict=True))
            given = () if label is None else (regions[label],)
            found.append(context(target, source, *given).unflatten(1, (len(pairs), -1)))
        every = torch.cat(found, 1)
        # contexts differ little from pixel to pixel, and the norm enlarges that: no rounding before
        with torch.autocast(every.device.type, enabled=False):
            every = every.to(self.mix.weight.dtype)
            joined = [
                join(every[:, own].flatten(1, 2)) for join, own in zip(self.join, self.received, strict=True)
            ]
            return self.join_norm(torch.cat(joined, 1))

    def _add(self, mixed: Tensor, received: Tensor) -> Tensor:
        """Add what tasks received to the features of these."""
        told = self.mix_received(received).unflatten(1, (len(self.receivers), -1))
        every = mixed.unflatten(1, (len(self.tasks), -1))
        index = torch.tensor(self.receivers, device=mixed.device)
        return every.index_add(1, index, told.to(every.dtype)).flatten(1, 2)


KINDS = {"global": GlobalContext, "local": LocalContext, "label": LabelContext}


def _groups(contexts: Sequence[Sequence[str]]) -> dict[tuple[str, int | None], list[tuple[int, int]]]:
    """Group pairs (target, source) to be computed at once: by kind, and by the task whose labels they use."""
    groups: dict[tuple[str, int | None], list[tuple[int, int]]] = {}
    for target, row in enumerate(contexts):
        for source, context in enumerate(row):
            if context == "none":
                continue
            label = {"t-label": target, "s-label": source}.get(context)
            groups.setdefault((context if label is None else "label", label), []).append((target, source))
    return groups
