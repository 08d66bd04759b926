"""Know the aggregators of torchjd by name, and why some cannot be used here; imports no torchjd."""

from __future__ import annotations

from mtlbench.errors import MtlbenchError, did_you_mean

#: their weights are a function of inner products
GRAM = (
    "AlignedMTL",
    "CAGrad",
    "Constant",
    "DualProj",
    "FairGrad",
    "GradVac",
    "IMTLG",
    "Krum",
    "MGDA",
    "Mean",
    "PCD",
    "PCGrad",
    "Random",
    "Sum",
    "UPGrad",
)
#: they need the gradients themselves
JACOBIAN = ("ConFIG", "ExcessMTL", "GradDrop", "TrimmedMean")

_TWO = "needs the gradients of two independent batches per step, and a step here has one"
UNSUPPORTED = {
    "CRMOGM": "only smooths the weights of another weighting",
    "MoDo": _TWO,
    "NashMTL": "keeps a solver's problem between steps, which no checkpoint would hold; `nash` is exact",
    "SDMGrad": _TWO,
}

#: aggregator -> torchjd's extra, what that brings, the balancer of ours that needs none
EXTRAS = {
    "CAGrad": ("cagrad", "cvxpy and its solvers", "cagrad"),
    "DualProj": ("quadprog_projector", "quadprog (GPL) and qpsolvers (LGPL)", "dualproj"),
    "UPGrad": ("quadprog_projector", "quadprog (GPL) and qpsolvers (LGPL)", "upgrad"),
}


def check(aggregator: str) -> None:
    """Refuse an aggregator that there isn't, or that cannot be used here.

    Raises:
        MtlbenchError: says why, and which aggregators there are.
    """
    names = sorted(GRAM + JACOBIAN)
    known = f"It takes: {', '.join(names)}."
    if aggregator in UNSUPPORTED:
        reason = UNSUPPORTED[aggregator]
        raise MtlbenchError(f"The balancer 'torchjd' cannot use {aggregator!r}: it {reason}. {known}")
    if aggregator not in names:
        spelt = {name.lower(): name for name in names}
        hint = did_you_mean(spelt.get(aggregator.lower(), aggregator), names)
        raise MtlbenchError(f"The balancer 'torchjd' knows no aggregator {aggregator!r}.{hint} {known}")


def needs_extra(aggregator: str) -> MtlbenchError:
    """Return what to tell where the packages behind an aggregator are missing."""
    extra, brings, ours = EXTRAS[aggregator]
    return MtlbenchError(
        f"torchjd's {aggregator} needs {brings}, which mtlbench never installs. "
        f'If their licences suit you, run: pip install "torchjd[{extra}]>=0.18,<0.19". '
        f"The balancer `{ours}` follows the same rule without them."
    )
