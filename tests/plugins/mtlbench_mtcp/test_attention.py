import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from mtlbench_mtcp import attention
from mtlbench_mtcp.attention import attend

SIZES = 3, 10, 6, 4


@pytest.fixture(params=[(40, 0), (40, 130), (250, 0), (2**21, 2**27)], ids=str)
def limits(request, monkeypatch):
    """Cut 10 pixels into rows, and images into groups, with none, some and all of the matrix kept."""
    for name, value in zip(("BLOCK", "KEPT"), request.param, strict=True):
        monkeypatch.setattr(attention, name, value)


def inputs(images, pixels, width, value_width, dtype=torch.float64):
    """Draw query, key and value."""
    torch.manual_seed(0)
    widths = (width, width, value_width)
    return [torch.randn(images, pixels, c, dtype=dtype, requires_grad=True) for c in widths]


def dense(query, key, value):
    """Attend with the whole matrix."""
    return (query @ key.mT).softmax(-1) @ value


def test_equals_the_dense_form_and_its_gradients(limits):
    leaves = inputs(*SIZES)
    ours, theirs = attend(*leaves), dense(*leaves)
    torch.testing.assert_close(ours, theirs)
    gradient = torch.randn_like(ours)
    mine, expected = (torch.autograd.grad(out, leaves, gradient) for out in (ours, theirs))
    torch.testing.assert_close(mine, expected)


def test_gradients_equal_differences(limits):
    assert torch.autograd.gradcheck(attend, inputs(2, 5, 3, 2))


def test_sums_over_the_pixels_of_the_key():
    query, key, value = inputs(1, 4, 3, 2)
    expected = [
        sum(
            torch.exp(query[0, i] @ key[0, j]) / sum(torch.exp(query[0, i] @ k) for k in key[0]) * value[0, j]
            for j in range(4)
        )
        for i in range(4)
    ]
    torch.testing.assert_close(attend(query, key, value)[0], torch.stack(expected))


class Largest(TorchDispatchMode):
    """Note the number of elements of the largest tensor that any operation yields."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            self.numel = max(self.numel, out.numel())
        return out


def test_never_forms_the_matrix(monkeypatch):
    monkeypatch.setattr(attention, "BLOCK", 1000)
    monkeypatch.setattr(attention, "KEPT", 2500)
    leaves = inputs(2, 100, 4, 3)
    with Largest() as largest:
        out = attend(*leaves)
        kept = out.grad_fn.saved_tensors[4:]
        out.sum().backward()
    assert largest.numel <= 1000
    assert 0 < sum(weights.numel() for weights in kept) <= 2500
    with pytest.raises(RuntimeError, match="freed"):
        out.grad_fn.saved_tensors  # noqa: B018


def test_counts_its_products_once():
    images, pixels, width, value_width = SIZES
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        attend(*inputs(*SIZES))
    assert counter.get_total_flops() == 2 * images * pixels**2 * (width + value_width)


def test_stays_in_float32_under_autocast():
    leaves = inputs(2, 50, 64, 8, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        # scores in the hundreds, which bfloat16 tells apart by whole units only
        out = attend(leaves[0] * 10, leaves[1] * 10, leaves[2])
        out.sum().backward()
    assert out.dtype == torch.float32
    torch.testing.assert_close(out, dense(leaves[0] * 10, leaves[1] * 10, leaves[2]), atol=1e-4, rtol=1e-3)
    assert all(leaf.grad.isfinite().all() for leaf in leaves)
