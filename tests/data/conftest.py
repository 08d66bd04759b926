"""Samples in which every pixel says where it came from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mtlbench.contracts.dataset import Dataset, Sample

KINDS = {"semseg": "classes", "depth": "scalar", "normals": "vector", "albedo": "image"}


def make_sample(seed: int = 0, size: tuple[int, int] = (24, 32)) -> dict[str, Any]:
    """Return a random sample with one label of every kind."""
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(*size, 3))
    return {
        "id": f"img{seed}",
        "image": rng.integers(0, 256, (*size, 3), dtype=np.uint8),
        "labels": {
            "semseg": rng.integers(0, 5, size, dtype=np.uint8),
            "depth": rng.uniform(1, 9, size).astype(np.float32),
            "normals": (normals / np.linalg.norm(normals, axis=2, keepdims=True)).astype(np.float32),
            "albedo": rng.random((*size, 3), dtype=np.float32),
        },
    }


class Fake(Dataset):
    """Hold random samples; `missing` names (index, task) that have no label."""

    def __init__(self, length: int = 6, missing: set[tuple[int, str]] = frozenset()) -> None:
        self.ids = tuple(f"img{index}" for index in range(length))
        self.missing = missing

    def __getitem__(self, index: int) -> Sample:
        sample = make_sample(index)
        for task in [task for at, task in self.missing if at == index]:
            del sample["labels"][task]
        return sample

    def fingerprint(self) -> str:
        return "fake"


@pytest.fixture
def kinds() -> dict[str, str]:
    return dict(KINDS)


@pytest.fixture
def sample() -> dict[str, Any]:
    """Return a sample as a view hands it to transforms."""
    return {**make_sample(), "kinds": KINDS, "rng": np.random.default_rng(0)}


@pytest.fixture
def fake() -> type[Fake]:
    return Fake
