"""Read a config file, validate it, and give it one canonical form and one hash."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench.results.fields import Slug
from mtlbench.results.schema import config_hash, protocol_hash


class ConfigError(MtlbenchError):
    """Say which part of a config is wrong, and what it may be."""


class Component(BaseModel):
    """Name a component (`type`) with the options that its constructor takes."""

    model_config = ConfigDict(extra="allow", frozen=True)
    type: str

    @property
    def options(self) -> dict[str, Any]:
        """Return everything but the name."""
        return dict(self.__pydantic_extra__ or {})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Positive = Annotated[int, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


class Optimizer(_Strict):
    """Choose the optimiser; weights decay, biases and other 1-d parameters don't."""

    type: Literal["AdamW", "Adam", "SGD"] = "AdamW"
    lr: Annotated[float, Field(gt=0)]
    weight_decay: NonNegative = 0.05
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: NonNegative = 0.9


class Schedule(_Strict):
    """Say how long and how training goes; give either `iterations` or `epochs`.

    `batch_size` counts the images of one step, which all processes share; `accumulate` cuts each process's
    into that many parts, one after another, which saves memory and changes nothing but batch norms. Shares
    are of the whole run: `warmup` of its steps, `final_lr` of its learning rate, to which `curve` falls;
    `step` halfway, at once.
    """

    batch_size: Positive
    iterations: Positive | None = None
    epochs: Positive | None = None
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    curve: Literal["cosine", "poly", "step", "constant"] = "cosine"
    final_lr: Annotated[float, Field(ge=0, le=1)] = 0.0
    clip_grad: NonNegative | None = None
    accumulate: Positive = 1
    amp: Literal["none", "bf16"] = "none"
    checkpoint_every: Positive = 1
    eval_batch_size: Positive = 8
    workers: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _one_length(self) -> Schedule:
        if (self.iterations is None) == (self.epochs is None):
            raise ValueError("give exactly one of schedule.iterations and schedule.epochs")
        return self


class Evaluation(_Strict):
    """Choose how labels are scored, and how many images are drawn.

    `native` scores at the label's own size. `legacy448` scores labels that went through `eval_transforms`
    like the image, and counts absent classes as 0, as the MTLoRA line does. Normals go to the nearest.
    """

    mode: Literal["native", "legacy448"] = "native"
    pictures: Annotated[int, Field(ge=0, le=64)] = 4


class Experiment(_Strict):
    """Hold one validated experiment: everything that decides its numbers but the seed."""

    name: Slug
    board: Slug | None = None
    #: the `tasks` that are kept, where not all are; only those that are kept count for the hash
    only: Annotated[tuple[Slug, ...], Field(exclude=True)] = ()
    #: in alphabetical order, whatever the order of the config, so that equal hashes mean equal models
    tasks: Annotated[dict[Slug, Component], Field(min_length=1, max_length=30)]
    dataset: Component
    train_transforms: tuple[Component, ...] = ()
    eval_transforms: tuple[Component, ...] = ()
    label_protocol: Component = Component(type="full")
    learner: Component = Component(type="masked")
    backbone: Component
    adapter: Component
    decoder: Component
    balancer: Component | Annotated[tuple[Component, ...], Field(min_length=1)] = Component(type="equal")
    optimizer: Optimizer
    schedule: Schedule
    evaluation: Evaluation = Evaluation()
    #: train one task at a time, as the single-task references of a board
    single_task: bool = False
    #: overrides, written as for --cfg-options, that `mtlbench run --demo` applies, see `engine.demo`
    demo: dict[str, Any] = {}

    @field_validator("tasks")
    @classmethod
    def _kept(cls, tasks: dict[str, Component], info: ValidationInfo) -> dict[str, Component]:
        kept = info.data.get("only") or tuple(tasks)
        unknown = [task for task in kept if task not in tasks]
        if unknown:
            hint = did_you_mean(unknown[0], tasks) or f" There are {', '.join(sorted(tasks))}."
            raise ValueError(f"only names {unknown[0]!r}, which is none of them.{hint}")
        return {task: tasks[task] for task in sorted({*kept})}

    def canonical(self) -> dict[str, Any]:
        """Return everything that decides the numbers, as plain JSON: no name, no demo, no place of files.

        Where files lie says nothing about what they hold; records keep fingerprints of data and weights.
        """
        content = json.loads(self.model_dump_json(exclude={"name", "board", "demo"}))
        content["dataset"] = _without("root", content["dataset"])
        content["backbone"].pop("weights", None)
        content["label_protocol"].pop("file", None)
        for part in ("adapter", "learner"):
            content[part].pop("root", None)
        return content

    @property
    def hash(self) -> str:
        """Return the sha256 of the canonical JSON."""
        return config_hash(self.canonical())

    @property
    def protocol_hash(self) -> str:
        """Return the sha256 of what a board freezes: data, labels seen, backbone, length, evaluation."""
        return protocol_hash(self.canonical())

    def with_tasks(self, tasks: Iterable[str], name: str) -> Experiment:
        """Return this experiment on some of its tasks, under another name."""
        chosen = {task: self.tasks[task] for task in tasks}
        return self.model_copy(update={"tasks": chosen, "only": (), "name": name, "single_task": False})


#: the parts of an experiment that are not components
_SECTIONS: dict[str, type[BaseModel]] = {
    "schedule": Schedule,
    "optimizer": Optimizer,
    "evaluation": Evaluation,
}


def load_experiment(
    path: str | Path, overrides: Sequence[str] = (), values: Mapping[str, Any] | None = None
) -> Experiment:
    """Read a config file (text style, `_base_` inheritance) and validate it.

    A config is a Python file and is executed: run only configs that you trust.

    Args:
        path: the file; its stem is the experiment's name unless it sets `name`.
        overrides: `key.path=value` pairs; a key that the config does not have needs a leading `+`.
        values: the same as a mapping, applied first.

    Raises:
        ConfigError: the file is missing, does not parse, or does not describe an experiment.
    """
    from mmengine.config import Config

    path = Path(path)
    if not path.is_file():
        raise ConfigError(
            f"There is no config file {str(path)!r}."
            + did_you_mean(path.name, _siblings(path))
            + " The configs that ship are in the folder configs/ of the repository."
        )
    try:
        raw = Config.fromfile(str(path), lazy_import=False, import_custom_modules=False).to_dict()
    except Exception as error:  # a config is a program: it can fail in any way
        raise ConfigError(
            f"The config {str(path)!r} cannot be read: {type(error).__name__}: {error}."
        ) from error
    raw = {key: value for key, value in raw.items() if not key.startswith("_")}
    raw.setdefault("name", re.sub(r"[^a-z0-9._-]", "-", path.stem.lower()).replace("_", "-"))
    for key, field in Experiment.model_fields.items():  # so that overrides reach into defaults
        if isinstance(field.default, BaseModel):
            raw.setdefault(key, field.default.model_dump())
    for key, value in (values or {}).items():
        _set(raw, key.lstrip("+"), value, new=key.startswith("+"))
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator:
            raise ConfigError(f"The option {override!r} has no value; write --cfg-options key.path=value.")
        _set(raw, key.lstrip("+"), _literal(text), new=key.startswith("+"))
    return validate(raw, str(path))


def validate(raw: Mapping[str, Any], source: str) -> Experiment:
    """Validate plain values as an experiment; `source` names them in errors."""
    try:
        return Experiment.model_validate(raw)
    except ValidationError as error:
        lines = []
        for item in error.errors():
            place = ".".join(str(part) for part in item["loc"])
            hint = ""
            if item["type"] == "extra_forbidden":
                hint = did_you_mean(str(item["loc"][-1]), _known_keys(item["loc"][:-1]))
            lines.append(f"{place or 'config'}: {item['msg']}.{hint}")
        raise ConfigError(f"The config {source!r} is not valid:\n  " + "\n  ".join(lines)) from error


def _without(key: str, value: Any) -> Any:
    """Return `value` without `key`, at any depth."""
    if isinstance(value, dict):
        return {name: _without(key, item) for name, item in value.items() if name != key}
    return [_without(key, item) for item in value] if isinstance(value, list) else value


def _known_keys(place: tuple[int | str, ...]) -> Iterable[str]:
    model = _SECTIONS.get(str(place[0]), Experiment) if place else Experiment
    return model.model_fields


def _siblings(path: Path) -> list[str]:
    return [other.name for other in path.parent.glob("*.py")] if path.parent.is_dir() else []


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False, "none": None}.get(text.lower(), text)


def _set(raw: dict[str, Any], key: str, value: Any, *, new: bool) -> None:
    *parents, last = key.split(".")
    place: Any = raw
    for part in parents:
        place = _step(place, part, key)
    if isinstance(place, list):
        _step(place, last, key)
        place[int(last)] = value
        return
    if not isinstance(place, dict):
        raise ConfigError(f"The option {key!r} reaches into a plain value; there is nothing below it.")
    known = set(place) | set(_known_keys(tuple(parents)) if not parents or parents[0] in _SECTIONS else ())
    if last not in known and not new:
        raise ConfigError(
            f"The config has no key {key!r}.{did_you_mean(last, map(str, known))} "
            f"To add a new key, write +{key}=..."
        )
    place[last] = value


def _step(place: Any, part: str, key: str) -> Any:
    if isinstance(place, (list, tuple)):
        if part.isdigit() and int(part) < len(place):
            return place[int(part)]
    elif isinstance(place, dict) and part in place:
        return place[part]
    known = place if isinstance(place, dict) else ()
    raise ConfigError(
        f"The config has no key {key!r}: {part!r} is not there.{did_you_mean(part, map(str, known))}"
    )
