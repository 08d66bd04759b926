"""Explain what is wrong with a plugin, or with a name that should be in one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mtlbench.errors import MtlbenchError, did_you_mean

if TYPE_CHECKING:
    from mtlbench.plugin.catalog import Entry
    from mtlbench.plugin.loader import FailedPlugin
    from mtlbench.plugin.records import Record


class PluginError(MtlbenchError):
    """Say what a plugin's author has to change."""


class InvalidRecord(PluginError, ValueError):
    """Say which field of a record breaks which rule."""

    def __init__(self, record: Record, field: str, rule: str) -> None:
        where = f"{type(record).__name__}(name={record.name!r})"
        super().__init__(f"{where}: {field} {rule}; got {getattr(record, field)!r}.")


class UnknownKind(MtlbenchError):
    """Say which kinds of component exist."""

    def __init__(self, kind: str, kinds: Iterable[str]) -> None:
        kinds = list(kinds)
        super().__init__(f'There is no kind "{kind}".{did_you_mean(kind, kinds)} Kinds: {", ".join(kinds)}.')


class UnknownComponent(MtlbenchError):
    """Say what exists instead of an unknown name, and which plugins might have held it but failed to load."""

    def __init__(self, kind: str, name: str, known: Iterable[str], failed: Iterable[FailedPlugin]) -> None:
        known = sorted(known)
        lines = [
            f'There is no {kind} "{name}".{did_you_mean(name, known)}',
            f"Known {kind} names: {', '.join(known) or 'none'}.",
            *_failures(failed),
            f"Run `mtlbench list {kind}` for a line about each, or install the plugin that provides it.",
        ]
        super().__init__("\n".join(lines))


class PythonPathRefused(MtlbenchError):
    """Refuse a Python path where the name of a component belongs."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(
            f'type="{name}" is a Python path, and no {kind} has that name: only registered names are built. '
            f"Choose one from `mtlbench list {kind}`, or register the class in a plugin."
        )


class PluginConflict(MtlbenchError):
    """Name everyone who provides the same name, and say how to choose."""

    def __init__(self, kind: str, name: str, entries: Iterable[Entry]) -> None:
        entries = list(entries)
        who = " and ".join(f"{one.distribution} {one.version} (plugin {one.plugin})" for one in entries)
        choices = sorted({f'type="{entry.qualified_name}"' for entry in entries})
        if len(choices) == len(entries):
            step = f"Say which one you mean: {' or '.join(choices)}."
        else:
            step = "One distribution provides it twice, so no name can choose: rename one of them."
        super().__init__(f'The {kind} "{name}" is provided by {who}. {step}')


class BrokenTarget(MtlbenchError):
    """Say why a component that is listed cannot be imported."""

    def __init__(self, entry: Entry, reason: Exception) -> None:
        record = entry.record
        if record.requires and isinstance(reason, ImportError):
            step = f'Run: pip install "{entry.distribution}[{record.requires}]"'
        else:
            step = f"Reinstall {entry.distribution}, or report this to its authors."
        super().__init__(
            f'The {record.kind} "{record.name}" of {entry.distribution} {entry.version} cannot be imported '
            f"from {record.target}: {reason}. {step}"
        )


def _failures(failed: Iterable[FailedPlugin]) -> list[str]:
    lines = [f"  {plugin}" for plugin in failed]
    return ["These plugins failed to load:", *lines] if lines else []
