"""Register components: everything a plugin's author imports.

A plugin is a module that an entry point of the group ``mtlbench`` names. It imports nothing heavy::

    from mtlbench.plugin import Adapter, hookimpl

    @hookimpl
    def mtlbench_adapters():
        return [Adapter(name="acme", target="acme.adapter:Acme", summary="Scale every channel.")]
"""

from mtlbench.plugin.catalog import Catalog, Entry
from mtlbench.plugin.errors import (
    BrokenTarget,
    InvalidRecord,
    PluginConflict,
    PluginError,
    PythonPathRefused,
    UnknownComponent,
    UnknownKind,
)
from mtlbench.plugin.hookspecs import API_VERSION, hookimpl, hookspec
from mtlbench.plugin.loader import FailedPlugin, LoadedPlugin, load_plugins
from mtlbench.plugin.records import (
    KINDS,
    Adapter,
    Backbone,
    Balancer,
    Dataset,
    Decoder,
    LabelProtocol,
    Learner,
    Record,
    Task,
)

__all__ = [
    "API_VERSION",
    "KINDS",
    "Adapter",
    "Backbone",
    "Balancer",
    "BrokenTarget",
    "Catalog",
    "Dataset",
    "Decoder",
    "Entry",
    "FailedPlugin",
    "InvalidRecord",
    "LabelProtocol",
    "Learner",
    "LoadedPlugin",
    "PluginConflict",
    "PluginError",
    "PythonPathRefused",
    "Record",
    "Task",
    "UnknownComponent",
    "UnknownKind",
    "hookimpl",
    "hookspec",
    "load_plugins",
]
