"""Show of each part of a union of datasets the labels of its own tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mtlbench.contracts.label_protocol import LabelProtocol
from mtlbench.errors import MtlbenchError, did_you_mean


class CrossDataset(LabelProtocol):
    """Show of the images of each part the labels of the tasks that the part stands for.

    Args:
        parts: name of a part of the dataset `union` -> its tasks. Ids there are `part/id`.
    """

    def __init__(self, parts: Mapping[str, Sequence[str]]) -> None:
        for part, tasks in parts.items():
            if isinstance(tasks, str):
                raise MtlbenchError(f"The tasks of the part {part!r} are {tasks!r}; give a list of names.")
        self.parts = {part: tuple(sorted({*tasks})) for part, tasks in parts.items()}

    def drawn_from(self, seed: int) -> None:
        """Return None: nothing is drawn."""

    def visible(self, ids: Sequence[str], tasks: Sequence[str], seed: int) -> dict[str, tuple[str, ...]]:
        """Return the tasks of every image's part.

        Raises:
            MtlbenchError: an image is of no part, a part has no image, or no part has a task that trains.
        """
        of = {image: image.partition("/")[0] for image in ids}
        for image, part in of.items():
            if "/" not in image or part not in self.parts:
                raise MtlbenchError(
                    f"The image {image!r} belongs to none of the parts {', '.join(self.parts)}."
                    f"{did_you_mean(part, self.parts)} Use the dataset 'union', and name all of its parts in "
                    "label_protocol.parts."
                )
        for part in self.parts.keys() - {*of.values()}:
            raise MtlbenchError(
                f"No image is of the part {part!r}; the dataset has {sorted({*of.values()})}."
            )
        for task in tasks:
            if not any(task in shown for shown in self.parts.values()):
                raise MtlbenchError(
                    f"No part shows labels of {task!r}; add it to one in label_protocol.parts."
                )
        return {image: self.parts[part] for image, part in of.items()}
