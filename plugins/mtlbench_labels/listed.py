"""Show the labels that a manifest names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mtlbench.contracts.label_protocol import LabelProtocol
from mtlbench.data.errors import BadManifest
from mtlbench.data.manifest import load_manifest


class Listed(LabelProtocol):
    """Show what a manifest shows, of exactly the images that it names.

    Args:
        file: that `mtlbench data labels SOURCE --save FILE` wrote.
        hash: of its labels, as that command prints it. Where the file lies is not part of a config's hash,
            so this is what tells one from another.
    """

    def __init__(self, file: str | Path, hash: str) -> None:
        self.file = Path(file)
        self.manifest = load_manifest(self.file)
        if self.manifest.hash != hash:
            raise BadManifest(
                f"{file} holds labels with the hash {self.manifest.hash}, and label_protocol.hash is {hash!r}"
                "; name the file that was meant, or take over the hash."
            )

    def drawn_from(self, seed: int) -> int | None:
        """Return the seed that the manifest names."""
        return self.manifest.seed

    def visible(self, ids: Sequence[str], tasks: Sequence[str], seed: int) -> dict[str, tuple[str, ...]]:
        """Return what the manifest says.

        Raises:
            BadManifest: it says nothing about a task that trains, or names other images than there are.
        """
        unknown = [task for task in tasks if task not in self.manifest.tasks]
        if unknown:
            raise BadManifest(
                f"{self.file} says nothing about {unknown[0]!r}, only about {', '.join(self.manifest.tasks)}"
                "; if it has another name there, write it anew with `mtlbench data labels FILE --rename "
                f"OLD={unknown[0]} --save FILE`."
            )
        here, there = {*ids}, {*self.manifest.labels}
        if here != there:
            example = min(here ^ there)
            owner = "the dataset" if example in here else "the file"
            raise BadManifest(
                f"{self.file} is for {len(there)} other images than the {len(here)} of the training split: "
                f"only {owner} has {example!r}. Use it with the dataset that it was drawn for."
            )
        return dict(self.manifest.labels)
