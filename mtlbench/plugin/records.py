"""Describe what a plugin offers, without importing it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from mtlbench.plugin.errors import InvalidRecord

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, kw_only=True)
class Record:
    """Describe one component; use the subclass of its kind.

    Args:
        name: what a config says as ``type``: lowercase letters, digits, ``.``, ``_`` and ``-``.
        target: where the class is, as ``"module:Class"``; imported only when an experiment asks for it.
        summary: one line for ``mtlbench list``.
        reference: the paper or page the component follows.
        requires: the extra of the providing distribution without which ``target`` cannot be imported.

    Raises:
        InvalidRecord: a field breaks these rules.
    """

    kind: ClassVar[str]

    name: str
    target: str
    summary: str
    reference: str = ""
    requires: str = ""

    def __post_init__(self) -> None:
        for field in ("name", "target", "summary", "reference", "requires"):
            if not isinstance(getattr(self, field), str):
                raise InvalidRecord(self, field, "must be a string")
        if not NAME.fullmatch(self.name):
            raise InvalidRecord(
                self,
                "name",
                "must be lowercase letters, digits, '.', '_' or '-', starting with a letter or digit",
            )
        if not _TARGET.fullmatch(self.target):
            raise InvalidRecord(self, "target", 'must be "module:Class", with exactly one colon')
        if not self.summary.strip() or len(self.summary.splitlines()) > 1:
            raise InvalidRecord(self, "summary", "must be one non-empty line")
        if self.requires and not NAME.fullmatch(self.requires.lower()):
            raise InvalidRecord(self, "requires", "must be the name of one extra, such as 'peft'")


class Task(Record):
    """Describe what is predicted at each pixel."""

    kind = "task"


class Dataset(Record):
    """Describe a source of labelled images."""

    kind = "dataset"


class Backbone(Record):
    """Describe a pretrained encoder."""

    kind = "backbone"


class Adapter(Record):
    """Describe a parameter-efficient fine-tuning method."""

    kind = "adapter"


class Decoder(Record):
    """Describe what turns pyramids into per-task maps."""

    kind = "decoder"


class Balancer(Record):
    """Describe what turns many task losses or gradients into one update."""

    kind = "balancer"


class LabelProtocol(Record):
    """Describe which labels of the training split may be seen."""

    kind = "label_protocol"


class Learner(Record):
    """Describe what is done about missing labels."""

    kind = "learner"


KINDS: dict[str, type[Record]] = {
    record.kind: record
    for record in (Task, Dataset, Backbone, Adapter, Decoder, Balancer, LabelProtocol, Learner)
}
