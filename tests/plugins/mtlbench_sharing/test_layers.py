import torch

from mtlbench_sharing.distillation import Distillation
from mtlbench_sharing.layers import TaskConv, basic_block, bottleneck, merge, split


def test_a_shared_input_is_every_tasks_input():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, 7)
    for layer in (TaskConv(4, 3, 6, 3, bias=True), basic_block(4, 3, 6), bottleneck(4, 3, 3)):
        torch.testing.assert_close(layer(x), layer(x.repeat(1, 4, 1, 1)))


def test_tasks_have_weights_of_their_own(plain):
    torch.manual_seed(0)
    x = torch.randn(3, 2, 4, 5, 7)
    for make in (basic_block, bottleneck):
        for outputs in (4, 8):
            layer = make(3, 4, outputs)
            expected = torch.stack([plain.block(layer, x[t], t, 3) for t in range(3)])
            torch.testing.assert_close(split(layer(merge(x)), 3), expected)


def test_every_message_is_read_by_one_other_task():
    torch.manual_seed(0)
    layer, x = Distillation(4, 3), torch.randn(2, 12, 5, 7)
    torch.nn.init.zeros_(layer.value.weight)
    assert torch.equal(layer(x), x)
    for row in range(4 * 3):
        torch.nn.init.zeros_(layer.value.weight)
        layer.value.weight.data[3 * row : 3 * row + 3] = 1
        changed = [t for t in range(4) if not torch.equal(split(layer(x), 4)[t], split(x, 4)[t])]
        assert changed == [(row // 3 + row % 3 + 1) % 4]


def test_a_message_equals_the_formula(plain):
    torch.manual_seed(0)
    layer, x = Distillation(3, 4).double(), torch.randn(3, 2, 4, 5, 7).double()
    expected = torch.stack(plain.distilled(layer, list(x), 4))
    torch.testing.assert_close(split(layer(merge(x)), 3), expected)
