"""What every meter promises: batches, order and sharding change not one bit."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from mtlbench.metrics.boundary import BoundaryMeter
from mtlbench.metrics.confusion import ConfusionMeter
from mtlbench.metrics.depth import DepthMeter
from mtlbench.metrics.edge import EdgeMeter
from mtlbench.metrics.normals import NormalsMeter
from mtlbench.metrics.regression import AbsoluteErrorMeter
from mtlbench.metrics.saliency import SaliencyMeter
from mtlbench.metrics.together import Together
from mtlbench_tasks.human_parts import HumanParts

IMAGES, HEIGHT, WIDTH = 7, 18, 22
GENERATOR = torch.Generator().manual_seed(8)


def _classes(count):
    label = torch.randint(0, count, (IMAGES, HEIGHT, WIDTH), generator=GENERATOR, dtype=torch.uint8)
    label[torch.rand(label.shape, generator=GENERATOR) < 0.1] = 255
    label[2] = 255
    return label


def _rand(*shape):
    return torch.rand(IMAGES, *shape, HEIGHT, WIDTH, generator=GENERATOR)


CASES = {
    "confusion": (lambda: ConfusionMeter(4), (_rand() * 4).long(), _classes(4)),
    "human parts": (HumanParts(classes=4).meter, (_rand() * 4).long(), _classes(4)),
    "boundary": (lambda: BoundaryMeter(0.05), (_rand() * 4).long(), _classes(4)),
    "together": (lambda: Together(ConfusionMeter(4), BoundaryMeter()), (_rand() * 4).long(), _classes(4)),
    "depth": (lambda: DepthMeter(absolute=True), _rand() * 1e3 + 0.1, (_rand() - 0.1) * 1e-2),
    "normals": (NormalsMeter, normalize(_rand(3) - 0.5, dim=1), normalize(_rand(3) - 0.5, dim=1)),
    "regression": (AbsoluteErrorMeter, _rand(3), _rand(3)),
    "saliency": (SaliencyMeter, _rand(), _classes(2)),
    "edge": (EdgeMeter, _rand(), _classes(2)),
}


def _run(make, prediction, label, batch):
    meter = make()
    for predictions, labels in zip(prediction.split(batch), label.split(batch), strict=True):
        meter.update(predictions, labels)
    return meter


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


@pytest.mark.parametrize("batch", [1, 2, 6])
def test_batch_size(case, batch):
    assert _run(*case, batch).compute() == _run(*case, IMAGES).compute()


@pytest.mark.parametrize("seed", range(3))
def test_random_batches_of_two_shards(case, seed):
    make, prediction, label = case
    rng = np.random.default_rng(seed)
    order = torch.from_numpy(rng.permutation(IMAGES))
    cuts = np.sort(rng.choice(np.arange(1, IMAGES), 3, replace=False))
    sizes = np.diff([0, *cuts, IMAGES]).tolist()
    shards = [make(), make()]
    for number, images in enumerate(order.split(sizes)):
        shards[number % 2].update(prediction[images], label[images])
    merged = make()
    for shard in shards:
        merged.merge(shard.state())
    assert merged.compute() == _run(*case, IMAGES).compute()


def test_order(case):
    make, prediction, label = case
    order = torch.tensor([4, 0, 6, 2, 1, 5, 3])
    shuffled, straight = _run(make, prediction[order], label[order], 3), _run(*case, 3)
    assert shuffled.compute() == straight.compute()
    for name, array in straight.state().items():
        assert np.array_equal(shuffled.state()[name], array)


def test_sharding(case):
    make, prediction, label = case
    merged = make()
    for rank in (2, 0, 1):
        merged.merge(_run(make, prediction[rank::3], label[rank::3], 2).state())
    assert merged.compute() == _run(*case, 4).compute()


def test_state_is_what_the_contract_says_and_no_view(case):
    meter = _run(*case, 4)
    before, result = meter.state(), meter.compute()
    assert all(array.dtype in (np.int64, np.float64) for array in before.values())
    copies = {name: array.copy() for name, array in before.items()}
    meter.update(case[1], case[2])
    assert all(np.array_equal(before[name], copies[name]) for name in before)
    fresh = case[0]()
    fresh.merge(before)
    assert fresh.compute() == result


def test_an_empty_shard_changes_nothing(case):
    meter = _run(*case, 4)
    result = meter.compute()
    meter.merge(case[0]().state())
    assert meter.compute() == result


def test_metrics_are_plain_finite_floats(case):
    result = _run(*case, 4).compute()
    assert all(type(value) is float and np.isfinite(value) for value in result.values())
