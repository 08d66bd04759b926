from __future__ import annotations

import hashlib
import json

import pytest
from pydantic import ValidationError

from mtlbench.results.schema import Record, canonical_json, config_hash


def refuse(record: Record, message: str, **changes) -> None:
    with pytest.raises(ValidationError, match=message):
        Record.model_validate({**record.model_dump(), **changes})


def test_canonical_json_ignores_the_order_of_keys_and_nothing_else():
    assert canonical_json({"b": [1, 2.5], "a": "Δ"}) == '{"a":"\\u0394","b":[1,2.5]}'
    assert config_hash({"a": 1, "b": 2}) == config_hash({"b": 2, "a": 1})
    assert config_hash({"a": [1, 2]}) != config_hash({"a": [2, 1]})
    assert config_hash({}) == hashlib.sha256(b"{}").hexdigest()


def test_a_record_survives_json(make_record):
    record = make_record("faar", 2, {"semseg": 0.1 + 0.2, "depth": 1e-17})
    assert Record.model_validate(json.loads(record.model_dump_json())) == record


def test_a_record_cannot_be_changed(make_record):
    with pytest.raises(ValidationError, match="frozen"):
        make_record().seed = 3


@pytest.mark.parametrize(
    "changes",
    [
        {"surprise": 1},
        {"schema_version": 2},
        {"seed": "0"},
        {"seed": True},
        {"seed": -1},
        {"demo": 0},
        {"status": "running"},
        {"selection": "best"},
        {"iterations": 10**400},
        {"created": "2025-01-31T10:00:00+02:00"},
        {"created": "2025-1-31T1:00:00Z"},
        {"created": "2025-02-30T10:00:00Z"},
        {"protocol_hash": "A" * 64},
        {"components": {"adapter": "lora"}},
        {"curves": {"semseg": [float("inf")]}},
        {"curves": {"semseg": [0.0] * 2001}},
        {"metrics": {}},
        {"replicates": {"semseg": [1.0, float("nan")]}},
        {"replicates": {"semseg": [1.0]}},
        {"replicates": {"semseg": [1.0] * 1001}},
    ],
    ids=str,
)
def test_what_a_record_may_not_hold(make_record, changes):
    refuse(make_record(), "validation error", **changes)


@pytest.mark.parametrize(
    "name", ["../up", "a/b", "a\\b", ".hidden", "", "Lora", "lo ra", "a\n", "x" * 101, "a|b"]
)
def test_a_name_that_is_no_file_name(make_record, name):
    with pytest.raises(ValidationError):
        make_record(name)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_are_finite_everywhere(make_record, number):
    with pytest.raises(ValidationError, match="finite number"):
        make_record(values={"semseg": number})
    with pytest.raises(ValidationError, match="finite number"):
        make_record(cost={"forward_passes": number})
    refuse(make_record(), "finite number|Out of range", config={"lr": number})


def test_text_is_one_printable_line(make_record):
    for device in ("a\nb", "a\x1b[31m", "right\u202eleft", "", "x" * 201):
        with pytest.raises(ValidationError):
            make_record(provenance={"device": device})


def test_derived_fields_must_follow_from_the_rest(make_record):
    record = make_record()
    refuse(record, "config_hash is not the hash of config", config={"lr": 2.0})
    refuse(record, "run_id must be lora-", run_id="lora-00000000-seed0")
    refuse(record, "run_id must be faar-", name="faar")
    refuse(record, "run_id must be lora-.*-seed1", seed=1)


def test_the_primary_metric_is_one_of_the_metrics(make_record):
    record = make_record(values={"semseg": 50.0})
    refuse(record, "is not what its metrics say", metrics={"semseg": {"mIoU": 51.0}})
    refuse(record, "is not what its metrics say", metrics={"semseg": {"accuracy": 50.0}})
    refuse(record, "must name the same tasks", metrics={"depth": {"mIoU": 50.0}})


def test_replicates_belong_to_tasks_of_the_record(make_record):
    assert make_record(replicates={"depth": [0.4, 0.5]}).replicates == {"depth": [0.4, 0.5]}
    refuse(make_record(), "must name tasks of the record", replicates={"normals": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("field", "by", "message"),
    [
        ("adapter", 1, "its groups add up to"),
        ("dead", 10**6, "more parameters are dead than train"),
        ("final", 10**6, "final exceeds peak"),
        ("learner", -1, "greater than or equal to 0"),
    ],
)
def test_parameter_counts_agree_with_each_other(make_record, field, by, message):
    record = make_record()
    counts = record.parameters.model_dump()
    refuse(record, message, parameters={**counts, field: counts[field] + by})
