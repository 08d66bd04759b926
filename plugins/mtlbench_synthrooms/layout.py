"""Arrange furniture, wall pieces and rugs in an empty room without collisions."""

from __future__ import annotations

import numpy as np

from .fixture import FIXTURES, rug
from .furniture import bed, chair, sofa, table
from .lamp import lamp, pendant
from .solid import Part, Solid, part_bounds, rotate_y
from .storage import cabinet, shelf

_FURNITURE = {
    "table": table,
    "chair": chair,
    "sofa": sofa,
    "bed": bed,
    "cabinet": cabinet,
    "shelf": shelf,
    "lamp": lamp,
}
_THEMES = {
    "living": {"sofa": 3, "table": 2, "shelf": 1.5, "cabinet": 1, "lamp": 1.5, "chair": 1},
    "bedroom": {"bed": 4, "cabinet": 2, "lamp": 1, "shelf": 1, "chair": 1, "table": 0.5},
    "dining": {"table": 3, "chair": 1.5, "cabinet": 1.5, "shelf": 1, "lamp": 0.7},
    "study": {"table": 2, "shelf": 2.5, "chair": 1.5, "cabinet": 1, "lamp": 1, "sofa": 0.5},
}
_WALL_YAW = (0.0, np.pi / 2, np.pi, -np.pi / 2)
_MOST = {"bed": 2, "sofa": 2, "table": 2}
_TRIES = 10


class Layout:
    """The solids put so far in a room of `size` (x, y, z; metres), and the floor that they take."""

    def __init__(self, rng: np.random.Generator, size: np.ndarray, camera: np.ndarray) -> None:
        self.rng, self.size = rng, size
        self.solids: list[Solid] = []
        self._taken = [(camera[[0, 2]] - 0.55, camera[[0, 2]] + 0.55)]
        self._on_wall: dict[int, list[tuple[float, float]]] = {wall: [] for wall in range(len(_WALL_YAW))}

    def furnish(self) -> list[Solid]:
        """Fill the room by a theme that is drawn by chance, and return its solids."""
        rng = self.rng
        for label, low, high in (("door", 1, 2), ("window", 0, 3), ("picture", 0, 4)):
            for _ in range(rng.integers(low, high)):
                self._hang(label, FIXTURES[label](rng))
        if rng.random() < 0.55:
            middle = rng.uniform(-0.15, 0.15, 2) * self.size[[0, 2]]
            self._add(
                "rug", rug(rng), middle, rng.choice(_WALL_YAW[:2]) + rng.normal(0, 0.05), casts_shadow=False
            )
        theme = list(_THEMES.values())[rng.integers(len(_THEMES))]
        weights = np.array(list(theme.values()))
        main = next(iter(theme))
        for label in (main, *rng.choice(list(theme), rng.integers(2, 8), p=weights / weights.sum())):
            if sum(solid.label == label for solid in self.solids) >= _MOST.get(label, _TRIES):
                continue
            parts = _FURNITURE[label](rng)
            if label == "table" and rng.random() < 0.7:
                self._stand_free(parts)
            elif label == "chair" and rng.random() < 0.4:
                self._try("chair", parts, *self._anywhere(), rng.uniform(-np.pi, np.pi))
            else:
                self._stand_at_wall(label, parts)
        if rng.random() < 0.4:
            x, z = rng.uniform(-0.15, 0.15, 2) * self.size[[0, 2]]
            self.solids.append(Solid("lamp", tuple(pendant(rng)), (x, self.size[1], z), 0.0))
        return self.solids

    def _wall_point(self, wall: int, along: float, out: float) -> np.ndarray:
        depth = self.size[2] if wall % 2 == 0 else self.size[0]
        return rotate_y((along, 0.0, out - depth / 2), _WALL_YAW[wall])[[0, 2]]

    def _wall_length(self, wall: int) -> float:
        return self.size[0] if wall % 2 == 0 else self.size[2]

    def _hang(self, label: str, parts: list[Part]) -> None:
        half = part_bounds(parts)[1][0]
        for _ in range(_TRIES):
            wall = int(self.rng.integers(len(_WALL_YAW)))
            slack = self._wall_length(wall) / 2 - half - 0.1
            if slack < 0:
                continue
            along = self.rng.uniform(-slack, slack)
            if all(
                along + half + 0.05 < low or along - half - 0.05 > high for low, high in self._on_wall[wall]
            ):
                self._on_wall[wall].append((along - half, along + half))
                self._add(
                    label, parts, self._wall_point(wall, along, 0.0), _WALL_YAW[wall], casts_shadow=False
                )
                if label == "door":
                    self._taken.append(
                        _rectangle(self._wall_point(wall, along, 0.4), (half, 0.4), _WALL_YAW[wall])
                    )
                return

    def _stand_at_wall(self, label: str, parts: list[Part]) -> None:
        _, half = part_bounds(parts)
        for _ in range(_TRIES):
            wall = int(self.rng.integers(len(_WALL_YAW)))
            slack = max(0.0, self._wall_length(wall) / 2 - half[0] - 0.05)
            place = self._wall_point(
                wall, self.rng.uniform(-slack, slack), half[2] + self.rng.uniform(0.03, 0.12)
            )
            if self._try(label, parts, *place, _WALL_YAW[wall] + self.rng.normal(0, 0.01)):
                return

    def _stand_free(self, parts: list[Part]) -> None:
        """Put a table off the walls, with chairs around it where it is high enough to sit at."""
        (_, middle, _), half = part_bounds(parts)
        for _ in range(_TRIES):
            x, z = self._anywhere() * 0.6
            yaw = self.rng.choice(_WALL_YAW) + self.rng.normal(0, 0.08)
            if self._try("table", parts, x, z, yaw):
                break
        else:
            return
        if middle < 0.3:
            return
        for turn in self.rng.permutation(_WALL_YAW)[: self.rng.integers(0, 5)]:
            reach = (half[2] if np.isclose(abs(np.sin(turn)), 0) else half[0]) + self.rng.uniform(0.28, 0.45)
            dx, _, dz = rotate_y((0.0, 0.0, -reach), yaw + turn)
            self._try("chair", chair(self.rng), x + dx, z + dz, yaw + turn + self.rng.normal(0, 0.15))

    def _anywhere(self) -> np.ndarray:
        return self.rng.uniform(-0.5, 0.5, 2) * (self.size[[0, 2]] - 1.0)

    def _try(self, label: str, parts: list[Part], x: float, z: float, yaw: float) -> bool:
        """Add the furniture and return True where its footprint is free and inside the room."""
        low, high = _rectangle(np.array([x, z]), part_bounds(parts)[1][[0, 2]], yaw)
        if (np.maximum(-low, high) > self.size[[0, 2]] / 2).any():
            return False
        if any(
            (low < other_high).all() and (other_low < high).all() for other_low, other_high in self._taken
        ):
            return False
        self._taken.append((low, high))
        self._add(label, parts, (x, z), yaw)
        return True

    def _add(self, label: str, parts: list[Part], place, yaw: float, casts_shadow: bool = True) -> None:
        position = (float(place[0]), 0.0, float(place[1]))
        self.solids.append(Solid(label, tuple(parts), position, float(yaw), casts_shadow))


def _rectangle(middle: np.ndarray, half: np.ndarray, yaw: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the low and high corners of the axis-aligned box around a turned rectangle on the floor."""
    c, s = abs(np.cos(yaw)), abs(np.sin(yaw))
    reach = np.array([c * half[0] + s * half[1], s * half[0] + c * half[1]])
    return middle - reach, middle + reach
