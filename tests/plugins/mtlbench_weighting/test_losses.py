"""Rules that weight losses, against autograd, brute force or the published steps."""

import copy
import itertools

import numpy as np
import pytest
import torch

from mtlbench.plugin import Catalog
from mtlbench_weighting.achievement import Achievement
from mtlbench_weighting.cov import CoV
from mtlbench_weighting.dtp import DTP
from mtlbench_weighting.famo import FAMO
from mtlbench_weighting.gls import GLS
from mtlbench_weighting.go4align import GO4Align, group_means
from mtlbench_weighting.imtl_l import IMTLL
from mtlbench_weighting.log import Log
from mtlbench_weighting.rlw import RLW
from mtlbench_weighting.stch import STCH
from mtlbench_weighting.uw_so import UWSO

TASKS = ("a", "b", "c")
VALUES = (0.5, 2.0, 7.0)
OPTIONS = {"achievement": {"single": {"a": 0.2, "b": 1.5, "c": 3.0}}}
RULES = ["log", "gls", "rlw", "imtl-l", "uw-so", "dtp", "cov", "famo", "stch", "go4align", "achievement"]
CATALOG = Catalog.load()


def make(rule):
    return CATALOG.resolve("balancer", rule)(TASKS, **OPTIONS.get(rule, {}))


def losses(values=VALUES, tasks=TASKS):
    return dict(zip(tasks, torch.tensor(values, dtype=torch.float64), strict=True))


def slopes(balancer, values=VALUES):
    """Return w_t f'(L_t) of every task."""
    plain = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    terms = {task: balancer.transform(loss) for task, loss in zip(TASKS, plain, strict=True)}
    weights = balancer.weights({task: term.detach() for task, term in terms.items()})
    sum(weights[task].detach() * term for task, term in terms.items()).backward()
    return plain.grad


def gradient(function, values=VALUES):
    plain = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    function(plain).backward()
    return plain.grad


def test_gls_has_the_gradient_of_the_geometric_mean():
    torch.testing.assert_close(slopes(GLS(TASKS)), gradient(lambda x: x.prod() ** (1 / 3)))
    assert GLS(TASKS).weights(losses((0.0, 1.0, 2.0)))["a"] == 0


def test_log_has_the_gradient_of_the_sum_of_logarithms():
    torch.testing.assert_close(slopes(Log(TASKS)), gradient(lambda x: x.log().sum()))


def test_imtl_l_learns_the_inverse_of_every_loss():
    balancer = IMTLL(TASKS).double()
    optimizer = torch.optim.SGD(balancer.parameters(), lr=0.1)
    for _ in range(500):
        optimizer.zero_grad()
        weights = balancer.weights(losses())
        (sum(weights[t] * v for t, v in losses().items()) + balancer.penalty(TASKS)).backward()
        optimizer.step()
    found = balancer.weights(losses())
    assert [float(found[t]) for t in TASKS] == pytest.approx([1 / v for v in VALUES], rel=1e-4)


def test_uw_so_is_a_softmax_of_inverse_losses():
    found = UWSO(TASKS, temperature=2.0).weights(losses())
    powers = np.exp([1 / v / 2 for v in VALUES])
    assert [float(found[t]) for t in TASKS] == pytest.approx(list(powers / powers.sum()))


def test_dtp_knows_the_probability_behind_a_cross_entropy():
    balancer = DTP(TASKS, gamma=2.0, decay=0.5)
    assert {float(w) for w in balancer.weights(losses()).values()} == {1.0}
    balancer.after_step({"a": 0.5, "b": 2.0})
    balancer.after_step({"a": 1.5})
    found = balancer.weights(losses())
    for task, average in (("a", 1.0), ("b", 2.0)):
        k = np.exp(-average)
        assert float(found[task]) == pytest.approx(-((1 - k) ** 2) * np.log(k))
    assert float(found["c"]) == 1.0


def test_cov_is_the_spread_of_all_ratios_so_far():
    rng = np.random.default_rng(0)
    history = rng.uniform(0.5, 2.0, (8, 3)) * np.array([1.0, 10.0, 0.1])
    balancer = CoV(TASKS)
    for step, row in enumerate(history):
        found = balancer.weights(losses(tuple(row)))
        if step < 2:
            assert [float(w) for w in found.values()] == pytest.approx([1 / 3] * 3)
        else:
            means = np.stack([history[:n].mean(0) for n in range(1, step)])
            ratios = np.concatenate([np.ones((1, 3)), history[1:step] / means])
            spread = ratios.std(0) / ratios.mean(0)
            assert [float(found[t]) for t in TASKS] == pytest.approx(list(spread / spread.sum()))
        balancer.after_step(dict(zip(TASKS, row, strict=True)))


def test_famo_follows_its_algorithm_with_autograd_and_adam():
    balancer = FAMO(TASKS, lr=0.1, decay=0.01)
    logit = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([logit], lr=0.1, weight_decay=0.01)
    rng = np.random.default_rng(1)
    for _ in range(4):
        before, after = (torch.tensor(rng.uniform(0.1, 3.0, 3)) for _ in range(2))
        found = slopes(balancer, tuple(before.tolist()))
        share = logit.softmax(0).detach()
        weights = share / before / (share / before).sum()  # of c Σ z log L, c the inverse of Σ z / L
        torch.testing.assert_close(found, weights, rtol=1e-6, atol=0)
        balancer.after_update(dict(zip(TASKS, after.tolist(), strict=True)))
        adam.zero_grad()
        (logit.softmax(0) * (before.log() - after.log())).sum().backward()
        adam.step()
        torch.testing.assert_close(balancer.logit, logit.detach(), rtol=1e-5, atol=1e-7)


def test_stch_has_the_gradient_of_a_smooth_maximum():
    balancer = STCH(TASKS, mu=0.5, warmup=2)
    torch.testing.assert_close(slopes(balancer), gradient(lambda x: x.log().sum()))
    balancer.after_epoch(dict(zip(TASKS, (9.0, 9.0, 9.0), strict=True)))
    torch.testing.assert_close(slopes(balancer), gradient(lambda x: x.log().sum()))
    nadir = torch.tensor([0.4, 3.0, 5.0], dtype=torch.float64)
    balancer.after_epoch(dict(zip(TASKS, nadir.tolist(), strict=True)))
    balancer.after_epoch(dict(zip(TASKS, (1.0, 1.0, 1.0), strict=True)))
    smooth = gradient(lambda x: 3 * 0.5 * ((x / nadir).log() / 0.5).logsumexp(0))
    torch.testing.assert_close(slopes(balancer), smooth)


@pytest.mark.parametrize("groups", [1, 2, 3, 5])
def test_groups_on_a_line_are_the_best_of_all(groups):
    values = torch.tensor([3.0, -1.0, 0.5, 2.8, 7.0], dtype=torch.float64)
    least = min(
        sum(
            float(((part - part.mean()) ** 2).sum())
            for g in set(labels)
            for part in [values[[i for i in range(5) if labels[i] == g]]]
        )
        for labels in itertools.product(range(groups), repeat=5)
    )
    found = group_means(values, groups)
    assert float(((values - found) ** 2).sum()) == pytest.approx(least, abs=1e-12)
    assert len(found.unique()) == groups


def test_go4align_follows_its_published_steps():
    balancer = GO4Align(TASKS, eta=0.1, groups=2)
    share = np.full(3, 1 / 3)
    for values in ((0.5, 2.0, 7.0), (1.0, 1.1, 3.0)):
        found = balancer.weights(losses(values))
        share = share * np.exp(-0.1 * np.array(values))
        share = share / share.sum()
        scaled = sum(values) / np.array(values) * share
        expected = group_means(torch.tensor(scaled), 2)
        assert [float(found[t]) for t in TASKS] == pytest.approx(expected.tolist())


def test_achievement_weights_what_is_left_to_achieve():
    balancer = Achievement(TASKS, single={"a": 0.2, "b": 2.0, "c": 3.0}, focus=2.0)
    torch.testing.assert_close(slopes(balancer), gradient(lambda x: x.log().sum()))
    balancer.after_epoch(dict(zip(TASKS, (0.5, 1.0, 7.0), strict=True)))  # b is better than alone
    gap = np.array([1 - 0.2 / 0.5, 0.0, 1 - 3 / 7]) ** 2
    expected = 3 * gap / gap.sum() / np.array(VALUES)
    assert slopes(balancer).tolist() == pytest.approx(list(expected), rel=1e-6)


def test_rlw_draws_anew_in_every_step_and_alike_for_equal_steps():
    one, other = RLW(TASKS), RLW(TASKS)
    drawn = []
    for _ in range(400):
        found = [float(w) for w in one.weights(losses()).values()]
        assert found == [float(w) for w in other.weights(losses()).values()]
        assert sum(found) == pytest.approx(3.0)
        drawn.append(found)
        for balancer in (one, other):
            balancer.after_step({})
    assert np.mean(drawn, 0) == pytest.approx([1.0] * 3, abs=0.12) and np.std(drawn) > 0.3


@pytest.mark.parametrize("rule", RULES)
def test_a_task_without_labels_keeps_its_state(rule):
    balancer = make(rule)

    def see(values):
        balancer.weights(losses(values, tuple(values_of)))
        plain = dict(zip(values_of, values, strict=True))
        balancer.after_update(plain)
        balancer.after_step(plain)
        balancer.after_epoch(plain)

    values_of = TASKS
    see((0.5, 2.0, 7.0))
    before = copy.deepcopy(balancer.state_dict())
    values_of = ("a", "c")
    see((0.4, 6.0))
    for name, value in balancer.state_dict().items():
        if value.ndim:
            assert torch.equal(value[1], before[name][1]), name
    assert all(torch.isfinite(w) for w in balancer.weights(losses((0.4, 6.0), ("a", "c"))).values())


@pytest.mark.parametrize("rule", ["gls", "rlw", "uw-so", "cov", "famo", "go4align"])
def test_one_task_has_weight_one(rule):
    balancer = CATALOG.resolve("balancer", rule)(("a",))
    for _ in range(3):
        assert float(balancer.weights(losses((2.0,), ("a",)))["a"]) == pytest.approx(1.0)
        balancer.after_step({"a": 2.0})


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("values", [(1e6, 1.0, 1e-6), (1.0, 1.0, 1.0)])
def test_weights_stay_finite(rule, values):
    balancer = make(rule)
    for _ in range(3):
        assert all(torch.isfinite(w) for w in slopes(balancer, values))
        plain = dict(zip(TASKS, values, strict=True))
        balancer.after_update(plain)
        balancer.after_step(plain)
        balancer.after_epoch(plain)


@pytest.mark.parametrize("rule", RULES)
def test_the_order_of_tasks_does_not_matter(rule):
    if rule == "rlw":
        pytest.skip("its weights are random")
    one, other = make(rule), make(rule)
    flipped = TASKS[::-1]
    for values in ((0.5, 2.0, 7.0), (0.4, 1.0, 6.0), (0.3, 1.5, 2.0)):
        found = one.weights(losses(values))
        again = other.weights(losses(values[::-1], flipped))
        assert {t: float(w) for t, w in found.items()} == pytest.approx(
            {t: float(w) for t, w in again.items()}
        )
        for balancer in (one, other):
            plain = dict(zip(TASKS, values, strict=True))
            balancer.after_update(plain)
            balancer.after_step(plain)
            balancer.after_epoch(plain)
