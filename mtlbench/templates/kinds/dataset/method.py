"""Images of one disc, with its classes and its distance."""

import hashlib
from typing import ClassVar

import numpy as np

from mtlbench.contracts.dataset import Dataset, Sample


class {{Class}}(Dataset):
    """Draw a disc on noise: `semseg` tells disc (1) from ground (0), `depth` says how near it is."""

    #: drawing is as fast as reading
    keep_decoded: ClassVar[bool] = False

    def __init__(self, split, tasks, size: tuple[int, int] = (64, 96), images: int = 64) -> None:
        self.split, self.tasks, self.size = split, tuple(tasks), tuple(size)
        self.ids = tuple(f"{split}{index:05d}" for index in range(images))

    def __getitem__(self, index: int) -> Sample:
        """Draw one sample; the id is the seed."""
        seed = int.from_bytes(hashlib.sha256(self.ids[index].encode()).digest()[:8], "big")
        draw = np.random.default_rng(seed)
        height, width = self.size
        rows, columns = np.mgrid[:height, :width]
        near = draw.uniform(1, 4)
        centre = draw.uniform(0.3, 0.7, size=2) * self.size
        inside = np.hypot(rows - centre[0], columns - centre[1]) < height / (2 * near)
        image = draw.integers(0, 60, size=(height, width, 3), dtype=np.uint8)
        image[inside] += np.uint8(40 * near)
        labels = {
            "semseg": inside.astype(np.uint8),
            "depth": np.where(inside, near, 5.0).astype(np.float32),
        }
        return {"id": self.ids[index], "image": image, "labels": {t: labels[t] for t in self.tasks}}

    def fingerprint(self) -> str:
        """Return a hash of all that decides the samples; change the version with the drawing."""
        content = f"{{name}} version 1 {self.split} {self.size} {len(self.ids)}"
        return hashlib.sha256(content.encode()).hexdigest()[:16]
