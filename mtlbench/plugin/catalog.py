"""Find components by name, and import the one that is asked for."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint

from mtlbench.plugin.errors import (
    BrokenTarget,
    PluginConflict,
    PythonPathRefused,
    UnknownComponent,
    UnknownKind,
)
from mtlbench.plugin.loader import FailedPlugin, LoadedPlugin, installed_entry_points, load_plugins
from mtlbench.plugin.records import KINDS, NAME, Record

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


@dataclass(frozen=True)
class Entry:
    """Hold a record together with who provides it."""

    record: Record
    distribution: str
    version: str
    plugin: str

    @property
    def qualified_name(self) -> str:
        """Return ``dist:name``, which stays clear when two distributions provide one name."""
        return f"{self.distribution}:{self.record.name}"


class Catalog:
    """Know every component that the given plugins provide."""

    def __init__(self, plugins: Iterable[LoadedPlugin], failed: Iterable[FailedPlugin] = ()) -> None:
        self.plugins = tuple(sorted(plugins, key=lambda plugin: (plugin.distribution, plugin.name)))
        self.failed = tuple(sorted(failed, key=lambda plugin: (plugin.distribution, plugin.name)))
        self._entries = [
            Entry(record, plugin.distribution, plugin.version, plugin.name)
            for plugin in self.plugins
            for record in plugin.records
        ]

    @classmethod
    @functools.cache
    def load(cls) -> Catalog:
        """Return the catalog of all installed plugins, which are loaded once per process."""
        return cls.from_entry_points(installed_entry_points())

    @classmethod
    def from_entry_points(cls, points: Iterable[EntryPoint]) -> Catalog:
        """Return the catalog of the plugins that these entry points name."""
        return cls(*load_plugins(points))

    def entries(self, kind: str | None = None) -> tuple[Entry, ...]:
        """Return the records with their providers, ordered by kind, name and distribution.

        Raises:
            UnknownKind: there is no such kind.
        """
        if kind is not None and kind not in KINDS:
            raise UnknownKind(kind, KINDS)
        chosen = (entry for entry in self._entries if kind in (None, entry.record.kind))
        return tuple(sorted(chosen, key=_order))

    def records(self, kind: str | None = None) -> tuple[Record, ...]:
        """Return the records, of one kind if given, ordered by kind and name."""
        return tuple(entry.record for entry in self.entries(kind))

    def is_conflict(self, entry: Entry) -> bool:
        """Return whether the bare name of this entry is provided more than once."""
        return sum(other.record.name == entry.record.name for other in self.entries(entry.record.kind)) > 1

    def entry(self, kind: str, name: str) -> Entry:
        """Return the one entry that is called ``name`` or ``dist:name``.

        Raises:
            UnknownKind: there is no such kind.
            UnknownComponent: nothing has this name.
            PluginConflict: more than one thing has this name.
            PythonPathRefused: the name is a Python path.
        """
        distribution, _, bare = name.rpartition(":")
        entries = self.entries(kind)
        found = [
            entry
            for entry in entries
            if entry.record.name == bare
            and (not distribution or _normalized(entry.distribution) == _normalized(distribution))
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise PluginConflict(kind, bare, found)
        if _DOTTED.fullmatch(name) or (distribution and not NAME.fullmatch(bare)):
            raise PythonPathRefused(kind, name)
        known = {entry.qualified_name if distribution else entry.record.name for entry in entries}
        raise UnknownComponent(kind, name, known, self.failed)

    def find(self, kind: str, name: str) -> Record:
        """Return the record that is called ``name`` or ``dist:name``; raises what :meth:`entry` raises."""
        return self.entry(kind, name).record

    def resolve(self, kind: str, name: str) -> type:
        """Import and return the class that is called ``name`` or ``dist:name``, and nothing else.

        Raises:
            BrokenTarget: the class cannot be imported; says which extra to install, if there is one.
            MtlbenchError: whatever :meth:`entry` raises.
        """
        entry = self.entry(kind, name)
        module, _, path = entry.record.target.partition(":")
        try:
            target: object = importlib.import_module(module)
        except ImportError as error:
            raise BrokenTarget(entry, error) from error
        try:
            target = functools.reduce(getattr, path.split("."), target)
        except AttributeError as error:
            raise BrokenTarget(entry, error) from error
        if not isinstance(target, type):
            raise BrokenTarget(entry, TypeError(f"it is a {type(target).__name__}, not a class"))
        return target


def _order(entry: Entry) -> tuple[int, str, str]:
    return list(KINDS).index(entry.record.kind), entry.record.name, entry.distribution


def _normalized(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
