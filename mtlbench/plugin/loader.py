"""Load every installed plugin, and keep the reason why one could not be loaded."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

import pluggy

from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench.plugin import hookspecs
from mtlbench.plugin.errors import PluginError
from mtlbench.plugin.hookspecs import HookDeprecation
from mtlbench.plugin.records import KINDS, Record

GROUP = "mtlbench"
STRICT = "MTLBENCH_STRICT_PLUGINS"
HOOKS = {f"mtlbench_{kind}s": record for kind, record in KINDS.items()}


@dataclass(frozen=True)
class LoadedPlugin:
    """Hold what a plugin registers, and where it comes from.

    `deprecations` says what it uses that a later version of the hooks will not have.
    """

    name: str
    distribution: str
    version: str
    module: str
    records: tuple[Record, ...]
    deprecations: tuple[str, ...] = ()


@dataclass(frozen=True)
class FailedPlugin:
    """Hold why a plugin could not be loaded, and where it comes from."""

    name: str
    distribution: str
    version: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version}): {self.reason}"


def installed_entry_points() -> list[EntryPoint]:
    """Return the entry points of every installed distribution that names the group ``mtlbench``."""
    return list(entry_points(group=GROUP))


def load_plugins(points: Iterable[EntryPoint]) -> tuple[list[LoadedPlugin], list[FailedPlugin]]:
    """Load each entry point by itself, so that a broken plugin cannot take another one down.

    Raises:
        Exception: whatever the first broken plugin raised, when ``MTLBENCH_STRICT_PLUGINS=1``.
    """
    loaded, failed = [], []
    for point in points:
        distribution, version = _origin(point)
        try:
            with warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter("always")
                records = tuple(_records(point))
        except Exception as error:
            if os.environ.get(STRICT) == "1":
                raise
            failed.append(FailedPlugin(point.name, distribution, version, _reason(error)))
        else:
            said = _deprecations(heard)
            loaded.append(LoadedPlugin(point.name, distribution, version, point.module, records, said))
    return loaded, failed


def _deprecations(heard: Iterable[warnings.WarningMessage]) -> tuple[str, ...]:
    """Return what the hooks themselves warned of, and pass on all other warnings."""
    said = []
    for warning in heard:
        if isinstance(warning.message, HookDeprecation):
            said.append(" ".join(str(warning.message).split()))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return tuple(dict.fromkeys(said))


def _records(point: EntryPoint) -> Iterator[Record]:
    module = point.load()
    if not isinstance(module, ModuleType):
        raise PluginError(
            f'the entry point "{point.value}" must name a module; it is a {type(module).__name__}.'
        )
    seen = set()
    for caller in _hook_callers(module):
        for implementation in caller.get_hookimpls():
            for record in _checked(caller.name, implementation.function()):
                if (record.kind, record.name) in seen:
                    raise PluginError(f'{caller.name}() returns "{record.name}" twice; rename one.')
                seen.add((record.kind, record.name))
                yield record


def _hook_callers(module: ModuleType) -> list[pluggy.HookCaller]:
    manager = pluggy.PluginManager("mtlbench")
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    callers = manager.get_hookcallers(module) or []
    marked = {caller.name for caller in callers}
    for name in sorted(HOOKS.keys() - marked):
        if callable(getattr(module, name, None)):
            raise PluginError(f"{module.__name__}.{name} is not marked: write @hookimpl above it.")
    if not callers:
        raise PluginError(f"{module.__name__} has no hooks; mark with @hookimpl one of: {', '.join(HOOKS)}.")
    for caller in callers:
        if not caller.has_spec() and not all(impl.optionalhook for impl in caller.get_hookimpls()):
            hint = did_you_mean(caller.name, HOOKS)
            raise PluginError(f'there is no hook "{caller.name}".{hint} Hooks: {", ".join(HOOKS)}.')
    return [caller for caller in callers if caller.has_spec()]


def _checked(hook: str, returned: object) -> Iterator[Record]:
    expected = HOOKS[hook]
    if not isinstance(returned, Iterable):
        raise PluginError(
            f"{hook}() must return {expected.__name__} records in an iterable; got {returned!r}."
        )
    for record in returned:
        if not isinstance(record, expected):
            raise PluginError(f"{hook}() must return {expected.__name__} records only; got {record!r}.")
        yield record


def _origin(point: EntryPoint) -> tuple[str, str]:
    if point.dist is None:
        return "unknown", "unknown"
    return point.dist.name or "unknown", point.dist.version or "unknown"


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, MtlbenchError) else f"{type(error).__name__}: {text}".rstrip(": ")
