"""Check the options of a component against what its constructor takes."""

from __future__ import annotations

import inspect

from mtlbench.engine.config import Component, ConfigError
from mtlbench.errors import did_you_mean

#: what the engine passes to a constructor besides the options of the config
CONTEXT = {
    "dataset": {"split", "tasks"},
    "adapter": {"tasks"},
    "decoder": {"tasks", "channels"},
    "balancer": {"tasks"},
    "learner": {"tasks", "channels"},
}


def constructor(target: type) -> dict[str, inspect.Parameter]:
    """Return what a class's constructor takes; its `**options` stand for what the class above it takes."""
    found = dict(inspect.signature(target).parameters)
    for above in target.__mro__[1:]:
        rest = next((name for name, p in found.items() if p.kind is inspect.Parameter.VAR_KEYWORD), None)
        if rest is None:
            break
        if "__init__" in vars(above) and above is not object:
            del found[rest]
            inherited = list(inspect.signature(above.__init__).parameters.values())[1:]  # type: ignore[misc]
            found |= {p.name: p for p in inherited if p.name not in found}
    return found


def check_options(kind: str, component: Component, target: type) -> None:
    """Refuse options that the class does not take, and missing ones that it needs.

    A class with `checks_options = True` hands other options on to a package, and refuses them itself.

    Raises:
        ConfigError: names the option, what it may have meant, and what there is.
    """
    parameters = constructor(target)
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    title = f"{kind.replace('_', ' ')} {component.type!r}"
    known = {name: parameter for name, parameter in parameters.items() if name not in CONTEXT.get(kind, ())}
    for option in component.options:
        if option not in known and not getattr(target, "checks_options", False):
            raise ConfigError(
                f"The {title} has no option {option!r}.{did_you_mean(option, known)} "
                f"It takes: {', '.join(sorted(known)) or 'no options'}."
            )
    for name, parameter in known.items():
        if parameter.default is inspect.Parameter.empty and name not in component.options:
            raise ConfigError(f"The {title} needs the option {name!r}.")
