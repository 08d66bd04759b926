"""Know the domains of the release: what each holds, and which task it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .read import read_curvature, read_depth, read_heatmap, read_normals, read_reshading, read_semseg


@dataclass(frozen=True)
class Domain:
    """Say how one domain becomes labels.

    Attributes:
        folder: the domain's name in the release.
        kind: of the labels.
        read: file -> label.
        from_mesh: whether it is rendered from the mesh, so void where that has a hole.
        task: options of the `Task`.
    """

    folder: str
    kind: str
    read: Callable[[Path], np.ndarray]
    from_mesh: bool
    task: dict[str, Any] = field(default_factory=dict)


def _heatmap(folder: str, brightest: int, from_mesh: bool) -> Domain:
    task = {"type": "regression", "channels": 1}
    return Domain(folder, "image", partial(read_heatmap, brightest=brightest), from_mesh, task)


CLASSES = (
    "background", "bottle", "chair", "couch", "potted plant", "bed", "dining table", "toilet", "tv",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase",
)  # fmt: skip
"""Of `semseg`, by label; from `coco_selected_classes.txt` of the release."""

DOMAINS = {
    "semseg": Domain("segment_semantic", "classes", read_semseg, False, {"classes": len(CLASSES)}),
    "depth": Domain("depth_zbuffer", "scalar", read_depth, True),
    "depth_euclidean": Domain("depth_euclidean", "scalar", read_depth, True, {"type": "depth"}),
    "normals": Domain("normal", "vector", read_normals, True),
    "edge_texture": _heatmap("edge_texture", 16384, from_mesh=False),
    "edge_occlusion": _heatmap("edge_occlusion", 4000, from_mesh=True),
    "keypoints2d": _heatmap("keypoints2d", 2000, from_mesh=False),
    "keypoints3d": _heatmap("keypoints3d", 64131, from_mesh=True),
    "principal_curvature": Domain(
        "principal_curvature", "image", read_curvature, True, {"type": "regression", "channels": 2}
    ),
    "reshading": Domain("reshading", "image", read_reshading, True, {"type": "regression", "channels": 1}),
}
"""Task -> domain. Where heatmaps reach 1: `edge_texture` at 0.25 x 65535 as in Omnidata, the others as in
XTConsistency (Zamir et al., CVPR 2020)."""

MESH = "depth_zbuffer"
"""The domain that shows where the mesh has holes."""
