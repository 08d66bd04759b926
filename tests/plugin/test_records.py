from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from mtlbench.errors import MtlbenchError
from mtlbench.plugin import KINDS, Adapter, InvalidRecord, hookspecs
from mtlbench.plugin.loader import HOOKS

GOOD = {"name": "lora", "target": "acme.adapter:LoRA", "summary": "Add a low-rank product."}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_record_and_a_documented_hook(kind: str) -> None:
    record = KINDS[kind](**GOOD)
    assert record.kind == kind
    assert (record.reference, record.requires) == ("", "")
    hook = getattr(hookspecs, f"mtlbench_{kind}s")
    assert type(record).__name__ in hook.__doc__
    assert HOOKS[hook.__name__] is type(record)


def test_there_is_no_hook_without_a_kind() -> None:
    assert {name for name in vars(hookspecs) if name.startswith("mtlbench_")} == set(HOOKS)


@pytest.mark.parametrize("name", ["lora", "3d", "mti-net", "swin_t.ms", "a"])
def test_names_that_are_fine(name: str) -> None:
    assert Adapter(**GOOD | {"name": name}).name == name


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("name", "LoRA", "name must be lowercase letters, digits, '.', '_' or '-'"),
        ("name", "-lora", "starting with a letter or digit"),
        ("name", "dist:lora", "name must be lowercase"),
        ("name", "", "name must be lowercase"),
        ("name", "lora\n", "name must be lowercase"),
        ("name", None, "name must be a string"),
        ("target", "acme.adapter.LoRA", 'target must be "module:Class", with exactly one colon'),
        ("target", "acme:adapter:LoRA", "exactly one colon"),
        ("target", "acme.adapter:", "exactly one colon"),
        ("target", dict, "target must be a string"),
        ("summary", "  ", "summary must be one non-empty line"),
        ("summary", "two\nlines", "summary must be one non-empty line"),
        ("requires", "peft, torchjd", "requires must be the name of one extra"),
    ],
)
def test_a_wrong_field_is_named_with_its_rule(field: str, value: object, rule: str) -> None:
    with pytest.raises(InvalidRecord) as caught:
        Adapter(**GOOD | {field: value})
    assert rule in str(caught.value)
    assert str(caught.value).startswith("Adapter(name=")
    assert str(caught.value).endswith(f"got {value!r}.")
    assert isinstance(caught.value, MtlbenchError)


def test_a_record_cannot_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Adapter(**GOOD).name = "other"
