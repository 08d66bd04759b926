import copy

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from torch import nn

from mtlbench.engine import layers
from mtlbench.engine.layers import GlobalBatchNorm, TaskBatchNorm, TaskConv1x1, conv1x1, resize


def test_conv1x1_is_a_convolution():
    x, layer = torch.randn(2, 5, 3, 4), nn.Conv2d(5, 6, 1)
    got = conv1x1(x, layer.weight.flatten(1), layer.bias)
    torch.testing.assert_close(got, layer(x))


def test_task_conv_equals_one_convolution_per_task():
    conv = TaskConv1x1(3, 5, 4)
    channels_last = torch.randn(3, 2, 3, 2, 5).movedim(-1, 2)
    for x in (torch.randn(3, 2, 5, 3, 2), torch.randn(1, 2, 5, 3, 2), channels_last):
        expected = [F.conv2d(x[t % x.shape[0]], conv.weight[t][:, :, None, None]) for t in range(3)]
        torch.testing.assert_close(conv(x), torch.stack(expected))


def test_task_conv_starts_like_a_convolution():
    torch.manual_seed(0)
    ours, theirs = TaskConv1x1(4, 64, 100).weight, nn.Conv2d(64, 400, 1).weight
    assert ours.abs().max() <= 64**-0.5
    torch.testing.assert_close(ours.std(), theirs.std(), rtol=0.02, atol=0)


def test_resize_treats_streams_as_batch():
    x = torch.randn(3, 2, 4, 2, 3)
    torch.testing.assert_close(resize(x, (5, 7))[1], F.interpolate(x[1], (5, 7), mode="bilinear"))
    assert resize(x, (2, 3)) is x


def test_task_batch_norm_equals_separate_ones():
    torch.manual_seed(0)
    ours, theirs = TaskBatchNorm(3, 5), [nn.BatchNorm2d(5) for _ in range(3)]
    nn.init.normal_(ours.weight)
    nn.init.normal_(ours.bias)
    for t, norm in enumerate(theirs):
        own = slice(5 * t, 5 * t + 5)
        norm.load_state_dict({"weight": ours.weight[own], "bias": ours.bias[own]}, strict=False)
    for _ in range(2):
        x = torch.randn(3, 4, 5, 6, 7) * 3 + 1
        torch.testing.assert_close(ours(x), torch.stack([norm(x[t]) for t, norm in enumerate(theirs)]))
    torch.testing.assert_close(ours.running_mean, torch.cat([n.running_mean for n in theirs]))
    torch.testing.assert_close(ours.running_var, torch.cat([n.running_var for n in theirs]))
    ours.eval()
    torch.testing.assert_close(ours(x), torch.stack([norm.eval()(x[t]) for t, norm in enumerate(theirs)]))


def _normalise_a_share(rank, file, module, batch, cotangent, cuts, results):
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    module, share = copy.deepcopy(module), slice(*cuts[rank])  # spawned processes share tensors
    x = batch[..., share, :, :, :].clone().requires_grad_()
    y = module(x)
    (y * cotangent[..., share, :, :, :]).sum().backward()
    results[rank] = {
        "y": y.detach(),
        "x": x.grad,
        "weight": module.weight.grad,
        "bias": module.bias.grad,
        "state": module.state_dict(),
    }
    dist.destroy_process_group()


def test_two_processes_equal_one_with_the_whole_batch(tmp_path):
    torch.manual_seed(0)
    module = TaskBatchNorm(2, 3).double()
    nn.init.normal_(module.weight)
    batch, cotangent = torch.randn(2, 2, 5, 3, 4, 2, dtype=torch.float64).unbind()
    whole = copy.deepcopy(module)
    x = batch.clone().requires_grad_()
    expected = whole(x)
    (expected * cotangent).sum().backward()
    with mp.Manager() as manager:
        results = manager.dict()
        args = (str(tmp_path / "store"), module, batch, cotangent, ((0, 2), (2, 5)), results)
        mp.spawn(_normalise_a_share, args, nprocs=2)
        first, second = results[0], results[1]
    for key, wanted in (("y", expected.detach()), ("x", x.grad)):
        torch.testing.assert_close(torch.cat([first[key], second[key]], 1), wanted)
    for key in ("weight", "bias"):
        torch.testing.assert_close(first[key] + second[key], getattr(whole, key).grad)
    for key, wanted in whole.state_dict().items():
        torch.testing.assert_close(first["state"][key], wanted)
        torch.testing.assert_close(second["state"][key], wanted)


def test_global_batch_norm_is_a_batch_norm_alone():
    ours, theirs, x = GlobalBatchNorm(4), nn.BatchNorm2d(4), torch.randn(2, 4, 3, 3)
    assert torch.equal(ours(x), theirs(x))
    assert torch.equal(ours.eval()(x), theirs.eval()(x))


def test_dropout_zeroes_the_rate_and_keeps_the_mean():
    torch.manual_seed(0)
    x = torch.full((3, 1000, 333), 2.0, dtype=torch.float64, requires_grad=True)
    y = layers.dropout(x, 0.05, True)
    assert abs((y == 0).double().mean().item() - 0.05) < 1e-3
    assert abs(y.mean().item() - 2.0) < 5e-3
    y.sum().backward()
    torch.testing.assert_close(x.grad, y.detach() / 2)
    assert layers.dropout(x, 0.05, False) is x and layers.dropout(x, 0.0, True) is x


def test_dropout_follows_the_seed_and_is_independent_of_its_neighbours():
    torch.manual_seed(1)
    first = layers.dropout(torch.ones(1 << 18), 0.5, True) == 0
    torch.manual_seed(1)
    assert torch.equal(first, layers.dropout(torch.ones(1 << 18), 0.5, True) == 0)
    for lag in (1, 2, 3, 4):
        assert abs((first[lag:] & first[:-lag]).double().mean().item() - 0.25) < 5e-3
