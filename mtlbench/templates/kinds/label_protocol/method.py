"""Labels of a share of the images."""

import hashlib
from collections.abc import Sequence

from mtlbench.contracts.label_protocol import LabelProtocol


class {{Class}}(LabelProtocol):
    """Show all labels of about `share` of the images, and none of the others."""

    def __init__(self, share: float = 0.5) -> None:
        self.share = share

    def visible(self, ids: Sequence[str], tasks: Sequence[str], seed: int) -> dict[str, tuple[str, ...]]:
        """Return the tasks whose labels may be seen, by image; a hash decides, on every platform alike."""
        return {image: tuple(tasks) if self._draw(image, seed) < self.share else () for image in ids}

    def _draw(self, image: str, seed: int) -> float:
        digest = hashlib.sha256(f"{seed} {image}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64
