"""Aggregators of torchjd on our rows: equal to torchjd's own where that is right, and state by task."""

import copy
import inspect
from importlib.util import find_spec

import pytest
import torch

pytest.importorskip("torchjd")

import torchjd.aggregation as theirs

from mtlbench.contracts.balancer import Gradients
from mtlbench.errors import MtlbenchError
from mtlbench_torchjd.aggregators import EXTRAS, GRAM, JACOBIAN, UNSUPPORTED
from mtlbench_torchjd.balancer import TorchJD

TASKS = ("depth", "edge", "normals", "semseg")
OPTIONS = {
    "CAGrad": {"c": 0.5},
    "Constant": {"weights": dict(zip(TASKS, (1.0, 2.0, 3.0, 4.0), strict=True))},
    "FairGrad": {"alpha": 2.0},
    "Krum": {"n_byzantine": 1},
    "PCD": {"primary": "edge"},
    "TrimmedMean": {"trim_number": 1},
}
USABLE = [
    name for name in GRAM + JACOBIAN if name not in EXTRAS or (find_spec("quadprog") and find_spec("cvxpy"))
]
STATEFUL = ["ExcessMTL", "GradVac", "PCD"]


def make(aggregator, tasks=TASKS, parameters=30, **options):
    balancer = TorchJD(tasks, aggregator, **{**OPTIONS.get(aggregator, {}), **options})
    balancer.prepare(parameters)
    return balancer


def rows_of(seed, tasks=4, parameters=30):
    """Return a Jacobian of tasks in conflict, of Frobenius norm 1."""
    rows = torch.randn(tasks, parameters, generator=torch.Generator().manual_seed(seed))
    rows = rows + 0.2 * rows.roll(1, 0)
    return rows / rows.norm()


def step(rows, seed=0, tasks=TASKS):
    gram = rows.double() @ rows.double().T
    return Gradients(tasks, gram, torch.ones(len(rows)), torch.Generator().manual_seed(seed), rows)


def direction(balancer, rows, **more):
    found = balancer.combine(step(rows, **more))
    return found if balancer.needs == "jacobian" else found @ rows.double()


def test_every_aggregator_of_the_package_is_offered_or_refused():
    classes = [
        theirs.Aggregator,
        theirs.Weighting,
        theirs.WeightedAggregator,
        theirs.GramianWeightedAggregator,
    ]
    found = {name for name, kind in inspect.getmembers(theirs, inspect.isclass) if kind not in classes}
    assert {name.removesuffix("Weighting") for name in found} == {*GRAM, *JACOBIAN, *UNSUPPORTED}
    assert {f"{name}Weighting" for name in GRAM} <= found and {*JACOBIAN} <= found


def own_call(aggregator, rows, seed):
    """Call torchjd's aggregator by itself, seeded as the balancer seeds it."""
    drawn = int(torch.randint(2**62, (), generator=torch.Generator().manual_seed(seed)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(drawn)
        return aggregator(rows)


@pytest.mark.parametrize("aggregator", [name for name in USABLE if name != "PCD"])
def test_the_update_is_that_of_torchjd(aggregator):
    rows = rows_of(0)
    options = dict(OPTIONS.get(aggregator, {}))
    if aggregator == "Constant":
        options["weights"] = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    given = rows if aggregator == "ExcessMTL" else rows.double()
    expected = own_call(getattr(theirs, aggregator)(**options), given, 3)
    torch.testing.assert_close(
        direction(make(aggregator), rows, seed=3).float(), expected.float(), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    "aggregator", [name for name in USABLE if name not in ("ExcessMTL", "FairGrad", "PCD")]
)
def test_the_update_grows_with_the_gradients(aggregator):
    rows = rows_of(1)
    one, other = direction(make(aggregator), rows), direction(make(aggregator), 1e-6 * rows)
    torch.testing.assert_close(1e6 * other, one, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-5, 1e3])
def test_fairgrad_solves_its_equation_at_every_scale(scale):
    now = step(scale * rows_of(2))
    alpha = make("FairGrad", alpha=2.0).combine(now)
    torch.testing.assert_close(now.gram @ alpha, alpha**-0.5, rtol=1e-4, atol=0.0)


def test_config_makes_equal_angles_however_many_parameters():
    common = torch.randn(400_000, generator=torch.Generator().manual_seed(0))
    rows = common + 0.05 * torch.randn(4, 400_000, generator=torch.Generator().manual_seed(1))
    found = direction(make("ConFIG", parameters=400_000), rows)
    cosines = torch.cosine_similarity(rows.double(), found[None])
    torch.testing.assert_close(cosines, cosines[:1].expand(4), rtol=1e-6, atol=0.0)
    torch.testing.assert_close(found.norm(), (rows.double() @ found).sum() / found.norm())


@pytest.mark.parametrize("aggregator", USABLE)
def test_degenerate_gradients_give_finite_updates(aggregator):
    one = rows_of(3)
    zero_row = torch.cat([one[:3], torch.zeros(1, 30)])
    for rows in (zero_row, one[:1].repeat(4, 1)):
        assert direction(make(aggregator), rows).isfinite().all()
    assert not direction(make(aggregator), torch.zeros(4, 30)).any()


@pytest.mark.parametrize("aggregator", ["GradDrop", "GradVac", "PCGrad", "Random"])
def test_chance_comes_from_the_step_s_generator_alone(aggregator):
    rows = rows_of(4)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, again, other = (direction(make(aggregator), rows, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_the_primary_task_comes_first_wherever_it_stands():
    rows = rows_of(5)
    expected = theirs.PCD()(rows.double()[[1, 0, 2, 3]])
    torch.testing.assert_close(direction(make("PCD"), rows), expected)
    order = [3, 1, 0, 2]
    tasks = tuple(TASKS[k] for k in order)
    torch.testing.assert_close(direction(make("PCD"), rows[order], tasks=tasks), expected)
    assert (rows.double() @ expected)[1] > 0
    tau = {"depth": 0.5, "normals": 0.0, "semseg": 0.1}
    expected = theirs.PCD(tau=torch.tensor([0.5, 0.0, 0.1]))(rows.double()[[1, 0, 2, 3]])
    torch.testing.assert_close(direction(make("PCD", tau=tau), rows), expected)


def test_numbers_by_task_follow_the_tasks_of_a_step():
    rows, leak = rows_of(6), {"depth": 1.0, "edge": 1.0, "normals": 1.0, "semseg": 0.0}
    balancer = make("GradDrop", leak=leak)
    torch.testing.assert_close(direction(balancer, rows[:3], tasks=TASKS[:3]), rows[:3].double().sum(0))
    weights = OPTIONS["Constant"]["weights"]
    found = make("Constant").combine(step(rows[[3, 1]], tasks=("semseg", "edge")))
    assert found.tolist() == [weights["semseg"], weights["edge"]]


@pytest.mark.parametrize(
    "aggregator, options",
    [("ExcessMTL", {}), ("ExcessMTL", {"n_warmup_steps": 2}), ("GradVac", {}), ("PCD", {"primary": "depth"})],
)
def test_state_is_torchjd_s_where_all_tasks_are_in_every_step(aggregator, options):
    balancer = make(aggregator, **options)
    own = getattr(theirs, aggregator)(**{key: value for key, value in options.items() if key != "primary"})
    for seed in range(5):
        rows = rows_of(seed, parameters=30) / 2**seed
        expected = own_call(own, rows if aggregator == "ExcessMTL" else rows.double(), seed)
        torch.testing.assert_close(direction(balancer, rows, seed=seed), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("aggregator", STATEFUL)
def test_a_task_without_labels_keeps_its_state(aggregator):
    balancer = make(aggregator, robust_step_size=0.01) if aggregator == "ExcessMTL" else make(aggregator)
    for seed in range(3):
        direction(balancer, rows_of(seed), seed=seed)
    before = copy.deepcopy(balancer.memory.state_dict())
    assert direction(balancer, rows_of(7)[:3], tasks=TASKS[:3]).isfinite().all()
    after = balancer.memory.state_dict()
    for name, value in after.items():
        if value.ndim:
            assert torch.equal(value[3], before[name][3]), name
    assert any(not torch.equal(value[:3], before[name][:3]) for name, value in after.items() if value.ndim)
    if aggregator == "ExcessMTL":
        assert float(after["weight"].sum()) == pytest.approx(1.0)


def test_a_task_that_comes_late_starts_with_its_first_norm():
    balancer = make("PCD")
    for seed in range(4):
        direction(balancer, rows_of(seed)[:3], tasks=TASKS[:3])
    last = step(rows_of(8))
    balancer.combine(last)
    assert float(balancer.memory.mean[3]) == pytest.approx(float(last.gram[3, 3]))
    alone = make("PCD")
    for seed in range(4):
        direction(alone, rows_of(seed)[:3], tasks=TASKS[:3])
    direction(alone, rows_of(8)[:3], tasks=TASKS[:3])
    torch.testing.assert_close(balancer.memory.mean[:3], alone.memory.mean[:3])


@pytest.mark.parametrize("aggregator", STATEFUL)
def test_state_goes_through_a_checkpoint(aggregator):
    one = make(aggregator)
    for seed in range(3):
        direction(one, rows_of(seed), seed=seed)
    other = make(aggregator)
    other.load_state_dict(one.state_dict())
    for seed in range(3, 5):
        rows = rows_of(seed)
        assert torch.equal(direction(one, rows, seed=seed), direction(other, rows, seed=seed))


def test_excess_risks_need_the_first_steps_of_all_tasks():
    balancer = make("ExcessMTL", n_warmup_steps=1)
    direction(balancer, rows_of(0))
    with pytest.raises(MtlbenchError, match="one of the first 2 steps has no labels of some tasks. Choose"):
        direction(balancer, rows_of(1)[:3], tasks=TASKS[:3])


@pytest.mark.parametrize(
    "aggregator, options, text",
    [
        ("PCD", {"primary": None}, "name it in `primary`, among depth, edge, normals, semseg"),
        ("PCD", {"primary": "parts"}, "name it in `primary`"),
        ("ConFIG", {"primary": "edge"}, "ConFIG treats tasks alike: remove `primary`"),
        ("ConFIG", {"pref_vec": 1}, 'no option .pref_vec.. Did you mean "pref_vector"\\? It takes: pref_v'),
        ("IMTLG", {"pref": 1}, "has no option 'pref'. It takes: none"),
        ("ConFIG", {"pref_vector": [1, 2, 3, 4]}, "takes a number for each of the tasks .*dict\\(depth=1.0"),
        ("ConFIG", {"pref_vector": {"depth": 1}}, "takes a number for each of the tasks"),
        ("AlignedMTL", {"scale_mode": "max"}, "AlignedMTL cannot combine .*Invalid scale_mode.*Change the"),
        ("Krum", {"n_byzantine": 2}, "Krum cannot combine the gradients of depth, edge, .*at least 5 rows"),
        ("TrimmedMean", {"trim_number": -1}, "trim_number must be non-negative"),
    ],
)
def test_options_that_cannot_work_are_refused_before_a_run(aggregator, options, text):
    with pytest.raises(MtlbenchError, match=text):
        make(aggregator, **options)


def test_a_needed_option_is_named():
    with pytest.raises(MtlbenchError, match="Krum needs the option 'n_byzantine': give it one"):
        TorchJD(TASKS, "Krum")


def test_a_step_that_has_too_few_tasks_ends_the_run():
    with pytest.raises(MtlbenchError, match="PCD follows the gradient of 'edge', and a step has no labels"):
        direction(make("PCD"), rows_of(0)[:1], tasks=TASKS[:1])
    with pytest.raises(MtlbenchError, match="Krum cannot combine the gradients of depth, edge with"):
        direction(make("Krum"), rows_of(0)[:2], tasks=TASKS[:2])


@pytest.mark.skipif(find_spec("quadprog") is not None, reason="the solver is installed")
def test_a_solver_that_is_missing_is_named_with_torchjd_s_extra():
    with pytest.raises(MtlbenchError, match=r"quadprog \(GPL\).*torchjd\[quadprog_projector\].*`upgrad`"):
        TorchJD(TASKS, "UPGrad")


def test_options_of_all_gradient_balancers_are_taken_where_there_are_weights():
    with pytest.raises(MtlbenchError, match="ConFIG gives a direction .* for every, heads to change: remove"):
        make("ConFIG", heads="task", every=2)
    balancer = make("IMTLG", heads="task", every=2)
    assert balancer.heads == "task" and balancer.every == 2 and balancer.options == {}
