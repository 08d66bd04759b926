"""What holds with and without the package torchjd."""

import sys

import pytest

from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog
from mtlbench.plugin.errors import BrokenTarget
from mtlbench_torchjd.aggregators import EXTRAS, GRAM, JACOBIAN, UNSUPPORTED, check, needs_extra


def test_every_aggregator_is_offered_or_refused():
    for aggregator in GRAM + JACOBIAN:
        check(aggregator)
    for aggregator in UNSUPPORTED:
        with pytest.raises(MtlbenchError, match=f"cannot use '{aggregator}': it [a-z]"):
            check(aggregator)


def test_the_reason_of_a_refusal_is_told():
    with pytest.raises(MtlbenchError, match="two independent batches.*It takes: AlignedMTL, CAGrad, "):
        check("MoDo")


def test_an_unknown_aggregator_is_named_with_what_it_may_have_meant():
    for wrong in ("config", "ConFG"):
        with pytest.raises(
            MtlbenchError, match=f"no aggregator '{wrong}'. Did you mean \"ConFIG\"\\? It takes: Al"
        ):
            check(wrong)


@pytest.mark.parametrize("aggregator", EXTRAS)
def test_missing_solvers_are_the_user_s_choice(aggregator):
    extra, brings, ours = EXTRAS[aggregator]
    text = str(needs_extra(aggregator))
    assert f'pip install "torchjd[{extra}]>=0.18,<0.19"' in text and brings in text
    assert Catalog.load().find("balancer", ours)


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.delitem(sys.modules, "mtlbench_torchjd.balancer", raising=False)
    monkeypatch.setitem(sys.modules, "torchjd", None)
    with pytest.raises(BrokenTarget, match=r'Run: pip install "mtlbench\[torchjd\]"'):
        Catalog.load().resolve("balancer", "torchjd")
