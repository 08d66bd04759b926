"""Derive the edge and saliency labels from the instance map."""

from __future__ import annotations

import numpy as np

from .scene import CLASSES

SALIENT_CLASSES = ("table", "chair", "sofa", "bed", "cabinet", "shelf", "lamp")
"""The furniture: the classes that can be salient."""


def find_edges(instance: np.ndarray) -> np.ndarray:
    """Return uint8 (H, W): 1 where the instance (H, W) differs from that of the pixel to the right or below.

    So the contour is one pixel wide, on the upper left side of each boundary. The faces of the room are
    instances of their own, hence room corners are edges; creases inside an object are not.
    """
    edge = np.zeros(instance.shape, np.uint8)
    edge[:, :-1] |= instance[:, :-1] != instance[:, 1:]
    edge[:-1] |= instance[:-1] != instance[1:]
    return edge


def find_salient(instance: np.ndarray, semseg: np.ndarray, share: float = 0.7) -> np.ndarray:
    """Return bool (H, W): the furniture that fills the centre of the view.

    The score of an instance is the sum over its pixels of exp(-r^2 / (2 * 0.25^2)), with r the distance to
    the image centre where height and width are both 1: the visible area weighted by centrality. Salient is
    every instance of `SALIENT_CLASSES` that scores at least `share` of the best one.
    """
    furniture = np.isin(semseg, [CLASSES.index(name) for name in SALIENT_CLASSES])
    v, u = (np.square((np.arange(n) + 0.5) / n - 0.5) for n in instance.shape)
    weight = np.exp(-(v[:, None] + u) / (2 * 0.25**2))
    score = np.bincount(instance[furniture], weight[furniture], minlength=int(instance.max()) + 1)
    return furniture & (score >= share * score.max())[instance]


def enough_in_view(instance: np.ndarray, depth: np.ndarray, salient: np.ndarray) -> bool:
    """Tell whether a view is worth a label.

    It is where the salient furniture covers 2 to 60 percent of the image, no other instance more than 75
    percent, and nothing is nearer than 0.45 metres.
    """
    largest = np.bincount(instance.ravel()).max() / instance.size
    return bool(0.02 <= salient.mean() <= 0.6 and largest <= 0.75 and depth.min() >= 0.45)
