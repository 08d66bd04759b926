import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mtlbench_hypernets.decomposed import decomposed_linear

TASKS = 3


def random(*shape):
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("rank", [2, 5, 20])
@pytest.mark.parametrize("size", [None, 1, 4])
@pytest.mark.parametrize("streams", [1, TASKS])
def test_equals_the_kronecker_product_written_out(rank, size, streams):
    left, right = random(TASKS, 6, rank), random(TASKS, rank, 10)
    scale = None if size is None else random(size * size)
    x = random(streams, 2, 3, 5, 10 * (size or 1))
    ours = decomposed_linear(x, left, right, scale)
    dense = [
        torch.kron(torch.ones(1, 1).double() if size is None else scale.view(size, size), p @ q)
        for p, q in zip(left, right, strict=True)
    ]
    theirs = torch.stack([x[t if streams > 1 else 0] @ dense[t].T for t in range(TASKS)])
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    variables = [v for v in (x, left, right, scale) if v is not None]
    probe = torch.randn_like(theirs)
    for a, b in zip(
        torch.autograd.grad((ours * probe).sum(), variables),
        torch.autograd.grad((theirs * probe).sum(), variables),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


def flops(function, *arguments):
    with FlopCounterMode(display=False) as counter:
        function(*arguments)
    return counter.get_total_flops()


@pytest.mark.parametrize("rank, per_token", [(2, 4 * (2 * 10 + 4 * 2 + 2 * 6)), (20, 4 * (6 * 10 + 4 * 6))])
def test_multiplies_with_factors_where_they_are_smaller(rank, per_token):
    left, right, scale = random(TASKS, 6, rank), random(TASKS, rank, 10), random(16)
    few, many = (
        flops(decomposed_linear, random(TASKS, 1, tokens, 40), left, right, scale) for tokens in (10, 20)
    )
    assert many - few == 2 * TASKS * 10 * per_token < 2 * TASKS * 10 * 24 * 40
