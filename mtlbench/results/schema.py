"""Define the record: one run of one config with one seed, version 1."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, model_validator

from mtlbench.results.fields import (
    Commit,
    Component,
    Count,
    Label,
    Number,
    One,
    Quantity,
    RunId,
    Seed,
    Sha256,
    Slug,
    Strict,
    Text,
    Unit,
    UtcTime,
    Version,
)


def canonical_json(value: Any) -> str:
    """Return the one JSON text of `value` that hashes are taken of: sorted keys, no spaces, ASCII.

    Raises:
        ValueError: `value` holds NaN or an infinity.
        TypeError: `value` holds something that JSON has no form for.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def config_hash(config: dict[str, Any]) -> str:
    """Return the SHA-256 of a resolved config's canonical JSON.

    A record's `config` holds everything that decides its numbers but the seed: neither the name of the
    experiment nor the places of data and weights. So runs that differ in nothing but the seed share one hash.
    """
    return hashlib.sha256(canonical_json(config).encode()).hexdigest()


#: what a board freezes of a config, beside the length of training and the mode of evaluation
PROTOCOL = ("dataset", "train_transforms", "eval_transforms", "label_protocol", "backbone")


def protocol_hash(config: Mapping[str, Any], free: Collection[str] = ()) -> str:
    """Return the SHA-256 of what a board freezes: data, labels seen, backbone, length, evaluation.

    Args:
        config: resolved, as a record holds it.
        free: parts of `PROTOCOL` that are left out, because a board compares them.

    Raises:
        KeyError, TypeError: the config lacks a part.
    """
    protocol = {key: config[key] for key in PROTOCOL if key not in free}
    protocol["schedule"] = {key: config["schedule"][key] for key in ("batch_size", "iterations", "epochs")}
    protocol["mode"] = config["evaluation"]["mode"]
    return config_hash(protocol)


def run_id(name: str, config_hash: str, seed: int) -> str:
    """Return the id of a run, which is also the name of its record's file without ``.json``."""
    return f"{name}-{config_hash[:8]}-seed{seed}"


class Primary(Strict):
    """Hold the metric of one task that enters Δm."""

    metric: Label
    value: Number
    unit: Unit
    higher_is_better: bool


class Parameters(Strict):
    """Count parameters in the groups of every board.

    `trainable` is the sum of the five groups before the first step, `dead` of them never receive a gradient.
    `peak` is the largest count that trained at once, `final` what is left of it after pruning, `total` the
    model's whole size before the first step.
    """

    adapter: Count
    backbone: Count = Field(description="parameters of the backbone itself that train, such as its norms")
    decoder: Count
    balancer: Count
    learner: Count
    trainable: Count
    dead: Count
    peak: Count
    final: Count
    total: Count

    @model_validator(mode="after")
    def _consistent(self) -> Parameters:
        groups = self.adapter + self.backbone + self.decoder + self.balancer + self.learner
        if self.trainable != groups:
            raise ValueError(f"trainable is {self.trainable}, but its groups add up to {groups}")
        if self.dead > self.trainable:
            raise ValueError("more parameters are dead than train")
        if self.final > self.peak:
            raise ValueError("final exceeds peak")
        return self


class Cost(Strict):
    """Hold what a run was measured to cost; None where it could not be measured."""

    forward_passes: Quantity = Field(description="backbone passes per image for all tasks together")
    macs: Count | None = Field(default=None, description="multiply-accumulates per image in evaluation")
    step_time_ms: Quantity | None = Field(default=None, description="median training step")
    step_time_first_ms: Quantity | None = Field(default=None, description="median over the first epoch")
    step_time_last_ms: Quantity | None = Field(default=None, description="median over the last epoch")
    peak_memory_mb: Quantity | None = Field(default=None, description="most memory while training, in MiB")
    train_seconds: Quantity | None = Field(default=None, description="wall clock of training")
    images_per_second: Quantity | None = Field(default=None, description="throughput of training")


class Provenance(Strict):
    """Say which code, data, weights and machine made a run, without naming the machine."""

    commit: Commit | None = Field(description="None outside of a git checkout, as with an installed release")
    dirty: bool = Field(description="whether the checkout's code differed from the commit")
    mtlbench: Version
    plugins: dict[Label, Version] = Field(max_length=200, description="distributions that gave components")
    python: Version
    libraries: dict[Label, Version] = Field(max_length=200)
    platform: Text = Field(description="system and architecture, such as 'Linux x86_64'")
    device: Text = Field(description="model name of the device, such as 'cpu'")
    threads: Annotated[int, Field(ge=1, le=65536)]
    data: dict[Slug, Text] = Field(
        max_length=20, description="fingerprint of each split, whichever tasks train"
    )
    weights: Text | None = Field(description="fingerprint of the pretrained weights; None without")


class Record(Strict):
    """Hold one run of one config with one seed. Derived fields are checked against what they derive from."""

    schema_version: One = 1
    run_id: RunId
    name: Slug = Field(description="the method's name: the same for every seed")
    board: Slug | None = Field(description="the board the config was written for")
    demo: bool = Field(description="whether the run was a demonstration, which no board accepts")
    status: Literal["finished"] = "finished"
    created: UtcTime
    seed: Seed

    config: dict[str, JsonValue] = Field(description="resolved config, without seed, names and places")
    config_hash: Sha256
    protocol_hash: Sha256 = Field(
        description="hash of what a board freezes; which of the board's tasks train is left out of it, "
        "so that single-task references share it"
    )
    components: dict[Slug, Component] = Field(max_length=60, description="kind -> distribution:name==version")

    metrics: dict[Slug, dict[Label, Number]] = Field(min_length=1, max_length=30)
    primary: dict[Slug, Primary]
    replicates: dict[Slug, Annotated[list[Number], Field(min_length=2, max_length=1000)]] | None = Field(
        default=None, max_length=30, description="task -> primary metric of each bootstrap replicate"
    )
    label_draw: Sha256 | None = Field(
        default=None, description="hash of the manifest of visible training labels; None where all are seen"
    )
    parameters: Parameters
    cost: Cost
    selection: Literal["last"] = "last"
    iterations: Count
    rank_map: dict[Label, dict[Slug, Count]] | None = Field(
        default=None, max_length=5000, description="location -> stream -> rank at the end"
    )
    curves: dict[Slug, Annotated[list[Number], Field(max_length=2000)]] | None = Field(
        default=None, max_length=30, description="task -> mean training loss of each epoch"
    )
    weights: dict[Slug, Annotated[list[Number], Field(max_length=2000)]] | None = Field(
        default=None, max_length=30, description="task -> mean weight of its loss in each epoch"
    )
    conflicts: dict[Label, dict[Label, Number]] | None = Field(
        default=None, max_length=1000, description="place -> pair of tasks -> mean cosine of their gradients"
    )
    provenance: Provenance

    @model_validator(mode="after")
    def _derived(self) -> Record:
        if self.config_hash != config_hash(self.config):
            raise ValueError("config_hash is not the hash of config")
        expected = run_id(self.name, self.config_hash, self.seed)
        if self.run_id != expected:
            raise ValueError(f"run_id must be {expected}")
        if self.primary.keys() != self.metrics.keys():
            raise ValueError("metrics and primary must name the same tasks")
        for task, primary in self.primary.items():
            if self.metrics[task].get(primary.metric) != primary.value:
                raise ValueError(f"the primary metric of {task} is not what its metrics say")
        if not {*(self.replicates or ())} <= {*self.primary}:
            raise ValueError("replicates must name tasks of the record")
        return self
