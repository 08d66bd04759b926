"""Every rule against a brute force, or against what defines it."""

import itertools

import pytest
import torch
from scipy.optimize import minimize

from mtlbench_gradients.aligned import Aligned
from mtlbench_gradients.cagrad import CAGrad
from mtlbench_gradients.conicgrad import ConicGrad
from mtlbench_gradients.db_mtl import DBMTL
from mtlbench_gradients.gradnorm import GradNorm
from mtlbench_gradients.gradvac import GradVac
from mtlbench_gradients.imtl_g import IMTLG
from mtlbench_gradients.mgda import MGDA
from mtlbench_gradients.moco import MoCo
from mtlbench_gradients.nash import FairGrad, Nash
from mtlbench_gradients.norm_equal import NormEqual
from mtlbench_gradients.pcgrad import PCGrad
from mtlbench_gradients.simplex import cone_projection, min_norm, on_simplex
from mtlbench_gradients.upgrad import DualProj, UPGrad

from .conftest import direction, jacobian, names, step


def grid(count, points=100):
    """Return a grid over the simplex (M, K)."""
    cuts = itertools.product(range(points + 1), repeat=count - 1)
    inside = torch.tensor([c for c in cuts if sum(c) <= points], dtype=torch.float64) / points
    return torch.cat([inside, 1 - inside.sum(1, keepdim=True)], 1)


def small(rows):
    if len(rows) > 3:
        pytest.skip("the grid would be large")
    return grid(len(rows))


def test_mgda_is_the_shortest_of_the_hull(rows):
    found = direction(MGDA(names(len(rows))), rows)
    shortest = (small(rows) @ rows).norm(dim=1).min()
    assert found.norm() <= shortest + 1e-9
    assert (rows @ found >= found @ found - 1e-8 * rows.norm() ** 2).all()  # the condition of optimality


def test_cagrad_is_the_best_of_its_ball(rows):
    c, mean = 0.4, rows.mean(0)
    found = direction(CAGrad(names(len(rows)), c=c, rescale=False), rows)
    assert (found - mean).norm() == pytest.approx(float(c * mean.norm()), rel=1e-6)
    mixtures = small(rows) @ rows
    least = (
        mixtures @ mean + c * mean.norm() * mixtures.norm(dim=1)
    ).min()  # the dual bounds what can be had
    assert (rows @ found).min() >= least - 1e-3 * rows.norm() ** 2
    assert (rows @ found).min() <= least + 1e-9
    rescaled = direction(CAGrad(names(len(rows)), c=c), rows)
    torch.testing.assert_close(rescaled * (1 + c**2), found)


def test_cagrad_without_a_ball_is_the_mean(rows):
    torch.testing.assert_close(direction(CAGrad(names(len(rows)), c=0.0), rows), rows.mean(0))


def test_conicgrad_is_the_best_of_its_cone(rows):
    c, mean = 0.6, rows.mean(0)
    found = direction(ConicGrad(names(len(rows)), c=c), rows)
    assert found.norm() == pytest.approx(float(mean.norm()), rel=1e-5)
    assert found @ mean / mean.norm() ** 2 >= c - 1e-6
    # no random direction of the cone does better for the worst task
    generator = torch.Generator().manual_seed(0)
    across = torch.randn(4000, rows.shape[1], generator=generator, dtype=torch.float64) @ (
        torch.linalg.pinv(rows) @ rows
    )
    across = across - (across @ mean)[:, None] / mean.norm() ** 2 * mean
    angle = torch.rand(4000, 1, generator=generator, dtype=torch.float64) * torch.tensor(c).acos()
    others = mean.norm() * (
        angle.cos() * mean / mean.norm() + angle.sin() * across / across.norm(dim=1, keepdim=True)
    )
    assert (others @ rows.T).amin(1).max() <= (rows @ found).min() + 1e-6 * rows.norm() ** 2


def projected(wanted, unit):
    """Project a vector on the cone of what has no negative product with any row, with a general solver."""
    size = wanted.norm()
    start = (wanted / size).numpy()
    solved = minimize(
        lambda x: float(((x - start) ** 2).sum()),
        start,
        jac=lambda x: 2 * (x - start),
        constraints={"type": "ineq", "fun": lambda x: unit.numpy() @ x, "jac": lambda x: unit.numpy()},
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    return torch.from_numpy(solved.x) * size


@pytest.mark.parametrize("balancer", [UPGrad, DualProj])
def test_projections_minimise_over_the_dual_cone(rows, balancer):
    targets = (
        torch.eye(len(rows), dtype=torch.float64)
        if balancer is UPGrad
        else torch.full((1, len(rows)), 1 / len(rows), dtype=torch.float64)
    )
    expected = torch.zeros(rows.shape[1], dtype=torch.float64)
    unit = rows / rows.norm(dim=1, keepdim=True)
    for target in targets:
        expected += projected(target @ rows, unit) / len(targets)
    found = direction(balancer(names(len(rows))), rows)
    assert (found - expected).norm() <= 1e-5 * rows.norm()
    assert (unit @ found >= -1e-9 * rows.norm()).all()


def test_pcgrad_is_the_published_loop(rows):
    generator = torch.Generator().manual_seed(3)
    total = torch.zeros(rows.shape[1], dtype=torch.float64)
    for i in range(len(rows)):
        g = rows[i].clone()
        for j in torch.randperm(len(rows), generator=generator).tolist():
            if j != i and g @ rows[j] < 0:
                g = g - g @ rows[j] / rows[j].norm() ** 2 * rows[j]
        total += g
    torch.testing.assert_close(direction(PCGrad(names(len(rows))), rows, seed=3), total)


def test_gradvac_reaches_the_cosine_it_aims_at(rows):
    balancer = GradVac(names(len(rows)), beta=0.0)
    torch.testing.assert_close(
        direction(balancer, rows, seed=5),
        direction(PCGrad(names(len(rows))), rows, seed=5),
        rtol=1e-6,
        atol=1e-9,
    )  # an aim of 0 is PCGrad
    two = rows[:2]
    balancer = GradVac(names(2), beta=0.01)
    balancer.target.fill_(0.9)
    alpha = balancer.combine(step(two))
    for i, j in ((0, 1), (1, 0)):
        mixed = torch.eye(2, dtype=torch.float64)[i]
        mixed[j] = alpha[j] - 1
        cosine = torch.cosine_similarity(mixed @ two, two[j], dim=0)
        assert cosine == pytest.approx(0.9, abs=1e-9)
    before = torch.cosine_similarity(two[0], two[1], dim=0)
    assert balancer.target[0, 1] == pytest.approx(float(0.99 * 0.9 + 0.01 * before))


def test_imtl_g_projects_alike_on_all(rows):
    alpha = IMTLG(names(len(rows))).combine(step(rows))
    found = alpha @ rows
    projections = rows @ found / rows.norm(dim=1)
    assert alpha.sum() == pytest.approx(1.0)
    torch.testing.assert_close(projections, projections[:1].expand_as(projections), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("fairness", [0.5, 1.0, 2.0])
def test_fair_weights_solve_their_equation(rows, fairness):
    alpha = FairGrad(names(len(rows)), fairness=fairness).combine(step(rows))
    assert (alpha > 0).all()
    torch.testing.assert_close(rows @ rows.T @ alpha, alpha ** (-1 / fairness), rtol=1e-6, atol=0.0)


def test_nash_is_fair_with_one_and_has_a_largest_norm(rows):
    fair = FairGrad(names(len(rows)), fairness=1.0).combine(step(rows))
    torch.testing.assert_close(Nash(names(len(rows)), max_norm=None).combine(step(rows)), fair)
    assert (fair @ rows).norm() == pytest.approx(len(rows) ** 0.5)  # αᵀ G α = K
    limited = direction(Nash(names(len(rows))), rows)
    torch.testing.assert_close(limited, fair @ rows / len(rows) ** 0.5)


def test_aligned_has_equal_singular_values(rows):
    alpha = Aligned(names(len(rows))).combine(step(rows))
    u, sigma, vt = torch.linalg.svd(rows, full_matrices=False)
    torch.testing.assert_close(alpha @ rows, sigma.min() * (u @ vt).sum(0), rtol=1e-5, atol=1e-9)


def test_norm_equal_makes_norms_equal(rows):
    alpha = NormEqual(names(len(rows))).combine(step(rows))
    norms = alpha * rows.norm(dim=1)
    torch.testing.assert_close(norms, norms[:1].expand_as(norms))
    assert alpha.sum() == pytest.approx(len(rows))


def test_gradnorm_follows_autograd_and_adam(rows):
    losses = [
        torch.rand(len(rows), dtype=torch.float64, generator=torch.Generator().manual_seed(s)) + 0.5
        for s in range(4)
    ]
    balancer = GradNorm(names(len(rows)), asymmetry=1.5, lr=0.1)
    weight = torch.ones(len(rows), dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([weight], lr=0.1, eps=0.0)
    for loss in losses:
        found = balancer.combine(step(rows, losses=loss))
        torch.testing.assert_close(found, weight.detach())
        norms = weight * rows.norm(dim=1)
        rate = loss / losses[0]
        target = (norms.mean() * (rate / rate.mean()) ** 1.5).detach()
        adam.zero_grad()
        (norms - target).abs().sum().backward()
        adam.step()
        with torch.no_grad():
            weight *= len(rows) / weight.sum()


def test_db_mtl_scales_averages_to_the_largest():
    balancer = DBMTL(names(3), beta=0.9, sigma=0.5)
    balancer.prepare(20)
    average = None
    for k in range(1, 4):
        rows = jacobian(3, seed=k).float()
        found = balancer.combine(step(rows))
        beta = 0.9 / k**0.5
        average = rows if average is None else beta * average + (1 - beta) * rows
        norms = average.norm(dim=1)
        torch.testing.assert_close(found, (norms.max() / norms) @ average, rtol=1e-5, atol=1e-6)
    assert float(balancer.transform(torch.tensor(2.0))) == pytest.approx(float(torch.tensor(2.0).log()))


def test_moco_follows_its_published_steps():
    balancer = MoCo(names(3), rho=0.1)
    balancer.prepare(20)
    tracked, weight = torch.zeros(3, 20), torch.full((3,), 1 / 3, dtype=torch.float64)
    for k in range(1, 4):
        rows, losses = jacobian(3, seed=k).float(), torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64) / k
        balancer.age.fill_(k - 1)
        found = balancer.combine(step(rows, losses=losses))
        scaled = rows / rows.norm(dim=1, keepdim=True) * losses.float()[:, None]
        tracked = tracked + 0.5 / k**0.5 * (scaled - tracked)
        gram = (tracked @ tracked.T).double()
        weight = (weight - 0.1 / k**0.5 * (gram @ weight + 0.1 * weight)).softmax(0)
        torch.testing.assert_close(found, weight.float() @ tracked, rtol=1e-5, atol=1e-6)


def test_many_tasks_take_the_general_solvers():
    rows = jacobian(12, parameters=40, seed=9, conflict=0.9)
    gram = rows @ rows.T
    found = min_norm(gram)
    assert ((gram @ found) >= found @ gram @ found - 1e-6).all()
    w = cone_projection(gram, torch.full((1, 12), 1 / 12, dtype=torch.float64))[0]
    assert (gram @ w >= -1e-8).all() and (w >= 1 / 12 - 1e-12).all()
    assert ((w - 1 / 12) * (gram @ w)).abs().max() < 1e-7
    assert on_simplex(lambda a: (a - torch.eye(12, dtype=torch.float64)[3]).norm() ** 2, 12)[
        3
    ] == pytest.approx(1.0)
