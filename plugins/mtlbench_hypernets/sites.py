"""Find where an adapter stands: on the output of linear layers that end a part of a block."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from mtlbench.contracts.backbone import Backbone
from mtlbench.errors import MtlbenchError

ENDS = ("proj", "fc2")


class Place(NamedTuple):
    """Locate one adapter: the layer it follows, the block's number and the position among the roles."""

    path: str
    layer: int
    position: int


def places_by_width(backbone: Backbone, roles: Collection[str]) -> dict[int, list[Place]]:
    """Return width -> the places of adapters of that width, in the order of execution.

    Raises:
        MtlbenchError: a role is no end of a part, or there is none.
    """
    if not roles or not set(roles) <= set(ENDS):
        raise MtlbenchError(
            f"An emitted adapter follows the layers {' and '.join(ENDS)}, not {', '.join(roles) or 'none'}: "
            "choose `roles` among them."
        )
    sites = backbone.sites()
    blocks = list(dict.fromkeys((site.stage, site.block) for site in sites))
    places: dict[int, list[Place]] = {}
    for site in sites:
        if site.role in roles:
            width = backbone.get_submodule(site.path).out_features
            position = list(roles).index(site.role)
            place = Place(site.path, blocks.index((site.stage, site.block)), position)
            places.setdefault(width, []).append(place)
    return places
