"""What holds with and without the package peft."""

import sys

import pytest

from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog
from mtlbench.plugin.errors import BrokenTarget
from mtlbench_peft.tuners import TUNERS, UNSUPPORTED, check


def test_every_tuner_is_offered_or_refused():
    for tuner in TUNERS:
        check(tuner)
    for tuner in UNSUPPORTED:
        with pytest.raises(MtlbenchError, match=f"cannot use '{tuner}': it [a-z]"):
            check(tuner)


def test_the_reason_of_a_refusal_is_told():
    with pytest.raises(MtlbenchError, match="moves its ranks after every step.*It takes: beft, boft, "):
        check("adalora")


def test_an_unknown_tuner_is_named_with_what_it_may_have_meant():
    with pytest.raises(
        MtlbenchError, match="knows no tuner 'verra'.*Did you mean \"vera\"?.*It takes: beft, "
    ):
        check("verra")


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.delitem(sys.modules, "mtlbench_peft.adapter", raising=False)
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(BrokenTarget, match=r'Run: pip install "mtlbench\[peft\]"'):
        Catalog.load().resolve("adapter", "peft")
