"""Adapters that inject nothing."""

from __future__ import annotations

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone


class Full(Adapter):
    """Train every parameter of the backbone.

    With one task this is the single-task reference of Δm, with several it is plain multi-task fine-tuning.
    """

    trains = ("all",)

    def attach(self, backbone: Backbone) -> None:
        """Leave the backbone as it is."""


class Frozen(Adapter):
    """Train no parameter of the backbone: the decoder sees the pretrained features (linear-probe style)."""

    def attach(self, backbone: Backbone) -> None:
        """Leave the backbone as it is."""


class NoAdapter(Adapter):
    """Train the parts of the backbone that the MTLoRA line trains besides its updates, shared by all tasks.

    What an adapter of that line gains over this row is its own.
    """

    trains = ("norm", "patch_embed", "rel_pos_bias", "reduction")

    def attach(self, backbone: Backbone) -> None:
        """Leave the backbone as it is."""
