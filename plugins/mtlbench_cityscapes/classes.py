"""Know the labels of Cityscapes: the ids in its files, and which of them are scored."""

from __future__ import annotations

import numpy as np

_SCORED = {
    "road": (7, (128, 64, 128)),
    "sidewalk": (8, (244, 35, 232)),
    "building": (11, (70, 70, 70)),
    "wall": (12, (102, 102, 156)),
    "fence": (13, (190, 153, 153)),
    "pole": (17, (153, 153, 153)),
    "traffic light": (19, (250, 170, 30)),
    "traffic sign": (20, (220, 220, 0)),
    "vegetation": (21, (107, 142, 35)),
    "terrain": (22, (152, 251, 152)),
    "sky": (23, (70, 130, 180)),
    "person": (24, (220, 20, 60)),
    "rider": (25, (255, 0, 0)),
    "car": (26, (0, 0, 142)),
    "truck": (27, (0, 0, 70)),
    "bus": (28, (0, 60, 100)),
    "train": (31, (0, 80, 100)),
    "motorcycle": (32, (0, 0, 230)),
    "bicycle": (33, (119, 11, 32)),
}

CLASSES = tuple(_SCORED)
"""Names of the 19 scored classes; a label is an index into it, in the files' terms the train id."""
IDS = tuple(number for number, _ in _SCORED.values())
"""Their ids in `_gtFine_labelIds.png`."""
PALETTE = tuple(colour for _, colour in _SCORED.values())
"""Their published RGB colours (0 to 255)."""
LAST_ID = 33
"""Ids from 0 to this one that are not scored are void."""

TO_TRAIN_ID = np.full(LAST_ID + 1, 255, np.uint8)
"""Class by id, uint8 (34,); 255 = void."""
TO_TRAIN_ID[list(IDS)] = np.arange(len(IDS))
