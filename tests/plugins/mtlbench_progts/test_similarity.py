"""Similarity is measured on gradients of shared updates, after some training, from a seed."""

import pytest
import torch

from mtlbench.engine.config import load_experiment
from mtlbench.engine.datasets import open_datasets, train_loader
from mtlbench.engine.model import build_model, build_tasks
from mtlbench.engine.registries import register
from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog
from mtlbench_progts.similarity import gradients, main, similarity

PROGTS = 'adapter = dict(type="progts", rank=2)'


@pytest.fixture
def experiment(tiny_config):
    return load_experiment(tiny_config(PROGTS))


def test_cosines_are_symmetric_bounded_and_follow_the_seed(experiment):
    tasks, first = similarity(experiment, Catalog.load(), steps=1, batches=2, seed=3)
    _, again = similarity(experiment, Catalog.load(), steps=1, batches=2, seed=3)
    _, other = similarity(experiment, Catalog.load(), steps=1, batches=2, seed=4)
    assert tasks == ("depth", "semseg")
    assert torch.equal(first, again) and not torch.equal(first, other)
    torch.testing.assert_close(first, first.T)
    assert (first.abs() <= 1 + 1e-6).all() and (first.diagonal() > 0).all()


def test_one_batch_compares_gradients_of_the_same_images(experiment):
    _, cosines = similarity(experiment, Catalog.load(), steps=0, batches=1)
    torch.testing.assert_close(cosines.diagonal(), torch.ones(2))


def test_gradients_are_those_of_the_task_alone(experiment):
    catalog = Catalog.load()
    datasets = open_datasets(experiment, catalog)
    register(experiment, catalog)
    tasks = build_tasks(experiment)
    torch.manual_seed(0)
    model = build_model(experiment, tasks).eval()
    kinds = {name: task.label_kind for name, task in tasks.items()}
    batch = next(iter(train_loader(experiment, datasets[0], kinds, 0, 0)[0]))
    parameters = [p for p in model.backbone.parameters() if id(p) in model.injected]
    for name, flat in gradients(model, batch, parameters).items():
        model.zero_grad()
        model(**model.data_preprocessor(batch, True), mode="loss").active[name].backward()
        torch.testing.assert_close(flat, torch.cat([p.grad.flatten() for p in parameters]))
        assert flat.any()


def test_the_command_prints_an_option_that_the_adapter_takes(tiny_config, capsys):
    config = tiny_config(PROGTS)
    main([str(config), "--steps", "1", "--batches", "1", "--seeds", "3", "4"])
    *tables, option = capsys.readouterr().out.strip().split("\n\n")
    first, second, mean = (
        torch.tensor([[float(value) for value in line.split()[1:]] for line in table.splitlines()[2:]])
        for table in tables
    )
    torch.testing.assert_close(mean, (first + second) / 2, rtol=0, atol=1e-3)
    assert [table.split()[:2] for table in tables] == [["seed", "3:"], ["seed", "4:"], ["mean:", "depth"]]
    assert option == "groups=('shared', 'shared', 'alone', 'alone')"
    load_experiment(tiny_config(PROGTS.replace("rank=2", option)))


def test_another_adapter_is_refused(tiny_config):
    with pytest.raises(MtlbenchError, match='measured on updates of the adapter "progts".*has "lora"'):
        similarity(load_experiment(tiny_config('adapter = dict(_delete_=True, type="lora")')), Catalog.load())


def test_counts_that_fall_are_refused(tiny_config, capsys):
    with pytest.raises(SystemExit):
        main([str(tiny_config(PROGTS)), "--counts", "2", "1", "1", "2"])
    assert "must not fall" in capsys.readouterr().err
