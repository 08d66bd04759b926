"""What is measured is what a few lines by hand say, and measuring changes nothing."""

from __future__ import annotations

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from mtlbench.cli import main
from mtlbench.engine.config import load_experiment
from mtlbench.engine.datasets import open_datasets, train_loader
from mtlbench.engine.loop import seed_everything
from mtlbench.engine.rows import Rows
from mtlbench.grouping.errors import GroupingError
from mtlbench.grouping.features import single_task_features
from mtlbench.grouping.measure import AffinityHook, Start, affinity, fresh_model, lookahead, train
from mtlbench.plugin import Catalog

LORA = 'adapter = dict(type="lora", rank=2)'
#: every head has only its own parameters
HEADS = 'decoder = dict(type="hrnet")'
START = Start(steps=5, every=2)


class Tiny(nn.Module):
    """Two heads of one number each on a shared layer."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Linear(3, 2).double()
        self.heads = nn.Linear(2, 2, bias=False).double()

    def losses(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        errors = (self.heads(self.shared(x).tanh()) - y).square().mean(0)
        return {"a": errors[0], "b": errors[1]}


def test_the_lookahead_is_two_lines_by_hand():
    torch.manual_seed(0)
    model, x, y = Tiny(), torch.randn(5, 3).double(), torch.randn(5, 2).double()
    owner = {model.heads.weight: torch.tensor([0, 1])}  # a row per head
    rows = Rows("ab", [*model.parameters()], owner)
    rows.add(model.losses(x, y))
    before = {task: float(loss.detach()) for task, loss in model.losses(x, y).items()}
    kept = [parameter.detach().clone() for parameter in model.parameters()]
    found = lookahead(lambda: model.losses(x, y), before, rows, 0.3)
    assert all(torch.equal(p, value) for p, value in zip(model.parameters(), kept, strict=True))
    for giver in "ab":
        stepped = Tiny()
        stepped.load_state_dict(model.state_dict())
        stepped.losses(x, y)[giver].backward()
        with torch.no_grad():
            for parameter in stepped.shared.parameters():
                parameter -= 0.3 * parameter.grad
        for receiver, loss in stepped.losses(x, y).items():
            assert found[giver, receiver] == pytest.approx(
                1 - float(loss.detach()) / before[receiver], rel=1e-9
            )


def test_a_small_step_is_the_product_of_gradients_over_the_loss():
    torch.manual_seed(1)
    model, x, y = Tiny(), torch.randn(5, 3).double(), torch.randn(5, 2).double()
    rows = Rows("ab", [*model.shared.parameters()], {})
    rows.add(model.losses(x, y))
    before = {task: float(loss.detach()) for task, loss in model.losses(x, y).items()}
    gram = rows.gram(torch.ones(2, dtype=torch.float64)).sum(0)
    found = lookahead(lambda: model.losses(x, y), before, rows, 1e-6)
    for i, giver in enumerate("ab"):
        for j, receiver in enumerate("ab"):
            expected = 1e-6 * float(gram[i, j]) / before[receiver]
            assert found[giver, receiver] == pytest.approx(expected, rel=1e-3)


@pytest.fixture
def experiment(tiny_config):
    return load_experiment(tiny_config(LORA))


def test_cosines_are_those_of_what_both_tasks_train(tiny_config):
    """By hand: what trains in the backbone is shared, and every head is one task's."""
    experiment = load_experiment(tiny_config(LORA, HEADS))
    catalog, start = Catalog.load(), Start(steps=1, every=1, seed=3)
    found = affinity(experiment, catalog, "gradient", start)
    model = fresh_model(experiment, catalog, start).train()
    kinds = {name: task.label_kind for name, task in model.tasks.items()}
    batch = next(iter(train_loader(experiment, open_datasets(experiment, catalog)[0], kinds, 3, 0)[0]))
    seed_everything(3, 0)
    losses = model(**model.data_preprocessor(batch, True), mode="loss").active
    rows = []
    shared = [p for p in model.backbone.parameters() if p.requires_grad]
    for loss in losses.values():
        rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, shared, retain_graph=True)]))
    expected = float(torch.cosine_similarity(*rows, dim=0))
    assert (
        found.between("depth", "semseg")
        == found.between("semseg", "depth")
        == pytest.approx(expected, rel=1e-4)
    )


@pytest.mark.parametrize("method", ["lookahead", "gradient"])
@pytest.mark.parametrize("line", ["", LORA])
def test_measuring_changes_nothing(tiny_config, method, line):
    experiment = load_experiment(tiny_config(line))
    hook = AffinityHook(START, looks_ahead=method == "lookahead")
    measured = train(experiment, Catalog.load(), START, [hook]).state_dict()
    plain = train(experiment, Catalog.load(), START).state_dict()
    assert measured.keys() == plain.keys()
    assert all(torch.equal(value, plain[name]) for name, value in measured.items())
    found = hook.lookaheads() if method == "lookahead" else hook.cosines()
    assert {("depth", "semseg"), ("semseg", "depth")} <= found.keys()
    assert len(hook.found["depth", "semseg"]) == (3 if method == "lookahead" else 0)


def test_the_first_steps_are_those_of_the_run(experiment, tmp_path):
    """A run of 12 steps and its first 5 share the schedule: the learning rate of step 4 is that of 12."""
    rates = []

    class Rates(AffinityHook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            rates.append(runner.optim_wrapper.optimizer.param_groups[0]["lr"])

    train(experiment, Catalog.load(), START, [Rates(START, looks_ahead=False)])
    assert len(rates) == 5
    assert rates[0] == experiment.optimizer.lr and rates[4] > 0.5 * rates[0]


def test_the_affinity_follows_the_seed(experiment):
    found = [affinity(experiment, Catalog.load(), "lookahead", Start(2, 1, seed)) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    assert found[0].tasks == ("depth", "semseg")


def test_one_task_is_nothing_to_group(tiny_config):
    experiment = load_experiment(tiny_config(LORA, 'only = ("depth",)'))
    with pytest.raises(GroupingError, match="The config has the task depth alone"):
        affinity(experiment, Catalog.load(), "gradient", START)
    with pytest.raises(GroupingError, match="The config has the task depth alone"):
        single_task_features(experiment, Catalog.load(), START, 3)


def test_tasks_that_share_nothing_do_not_act_on_each_other(tiny_config):
    experiment = load_experiment(tiny_config('adapter = dict(type="frozen")', HEADS))
    with pytest.raises(GroupingError, match="train no parameter together"):
        affinity(experiment, Catalog.load(), "lookahead", START)


def test_tasks_that_were_never_compared_are_named(experiment, monkeypatch):
    monkeypatch.setattr(AffinityHook, "cosines", lambda self: {("depth", "semseg"): 0.1})
    with pytest.raises(GroupingError, match="In no measured step were both semseg and depth labelled"):
        affinity(experiment, Catalog.load(), "gradient", Start(steps=1))


def test_features_are_of_the_same_images_and_each_task_s_model(experiment):
    found = single_task_features(experiment, Catalog.load(), Start(steps=1), 3)
    assert {task: len(values) for task, values in found.items()} == {"depth": 3, "semseg": 3}
    assert found["depth"].shape == found["semseg"].shape
    assert (found["depth"] != found["semseg"]).any()


def test_finished_runs_are_read_and_are_what_as_many_steps_lead_to(tiny_config, tmp_path):
    config = tiny_config(LORA, "schedule.update(iterations=2)")
    arguments = ["--work-dir", str(tmp_path), "--device", "cpu", "--cfg-options", "single_task=true"]
    done = CliRunner().invoke(main, ["run", str(config), *arguments])
    assert done.exit_code == 0, done.output
    experiment = load_experiment(config)
    read = single_task_features(experiment, Catalog.load(), Start(), 3, tmp_path)
    trained = single_task_features(experiment, Catalog.load(), Start(steps=2), 3)
    assert all((read[task] == trained[task]).all() for task in ("depth", "semseg"))


def test_missing_runs_are_named(experiment, tmp_path):
    with pytest.raises(GroupingError, match=r"seed0.checkpoints holds no checkpoint of depth.*single_task"):
        single_task_features(experiment, Catalog.load(), START, 3, tmp_path)
