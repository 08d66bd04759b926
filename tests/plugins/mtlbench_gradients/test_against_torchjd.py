"""Our rules against those of the package torchjd, on gradients for which its solvers are exact enough."""

import pytest
import torch
from scipy.optimize import nnls

pytest.importorskip("torchjd")

import torchjd.aggregation as theirs
from torchjd.linalg import DualConeProjector

from mtlbench_gradients.aligned import Aligned
from mtlbench_gradients.cagrad import CAGrad
from mtlbench_gradients.imtl_g import IMTLG
from mtlbench_gradients.mgda import MGDA
from mtlbench_gradients.nash import FairGrad
from mtlbench_gradients.pcgrad import PCGrad
from mtlbench_gradients.upgrad import DualProj, UPGrad

from .conftest import JACOBIANS, direction, names

WELL_SCALED = [case for case in JACOBIANS if case != "uneven"]


@pytest.fixture(params=WELL_SCALED)
def rows(request):
    rows = JACOBIANS[request.param]
    return rows / rows.norm()


def both(balancer, aggregator, rows, **options):
    """Return our update and torchjd's."""
    return direction(balancer(names(len(rows)), **options), rows), aggregator(rows)


def test_mgda(rows):
    ours, other = both(MGDA, theirs.MGDA(epsilon=1e-6, max_iters=3000), rows)
    assert (ours - other).norm() <= 0.02 * rows.norm(dim=1).min()  # torchjd's iteration is slow near a face
    assert ours.norm() <= other.norm() + 1e-12


@pytest.mark.parametrize("seed", range(3))
def test_pcgrad_in_the_same_order(rows, seed):
    ours = direction(PCGrad(names(len(rows))), rows, seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.testing.assert_close(ours, theirs.PCGrad()(rows))


def test_imtl_g(rows):
    torch.testing.assert_close(*both(IMTLG, theirs.IMTLG(), rows))


def test_aligned_is_a_sum_where_torchjd_s_is_a_mean(rows):
    ours, other = both(Aligned, theirs.AlignedMTL(), rows)
    torch.testing.assert_close(ours, len(rows) * other)


@pytest.mark.parametrize("fairness", [0.5, 1.0, 2.0])
def test_fairgrad(rows, fairness):
    ours, other = both(FairGrad, theirs.FairGrad(alpha=fairness), rows, fairness=fairness)
    torch.testing.assert_close(ours, other, rtol=1e-3, atol=1e-3 * float(ours.norm()))


@pytest.mark.parametrize("c", [0.2, 0.5, 0.9])
def test_cagrad(rows, c):
    pytest.importorskip("cvxpy")
    pytest.importorskip("clarabel")
    ours, other = both(CAGrad, theirs.CAGrad(c=c), rows, c=c, rescale=False)
    assert (ours - other).norm() <= 1e-3 * ours.norm()


class Exact(DualConeProjector):
    """Project by non-negative least squares: the v >= u of least ‖Jᵀ v‖ is u + z, z >= 0."""

    def __call__(self, targets, gram):
        values, vectors = torch.linalg.eigh(gram)
        root = (vectors * values.clamp(min=0).sqrt()).T.numpy()  # rootᵀ root = G
        added = [nnls(root, -root @ u.numpy())[0] for u in targets.reshape(-1, len(gram))]
        return targets + torch.stack([torch.from_numpy(z) for z in added]).view_as(targets)


@pytest.mark.parametrize("rule", [UPGrad, DualProj])
def test_projections_on_the_dual_cone(rows, rule):
    torch.testing.assert_close(*both(rule, getattr(theirs, rule.__name__)(projector=Exact()), rows))


@pytest.mark.parametrize("rule", [UPGrad, DualProj])
def test_projections_with_the_solver_that_torchjd_has_by_default(rows, rule):
    pytest.importorskip("qpsolvers")
    pytest.importorskip("quadprog")
    ours, other = both(rule, getattr(theirs, rule.__name__)(), rows)
    assert (ours - other).norm() <= 1e-2 * ours.norm()  # it adds 1e-4 to the diagonal
