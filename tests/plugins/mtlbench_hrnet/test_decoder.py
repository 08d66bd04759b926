import torch
import torch.nn.functional as F

from mtlbench.testing.decoder_contract import (
    CHANNELS,
    ODD,
    SQUARE,
    DecoderContract,
    pyramid,
    task_channels,
)
from mtlbench_hrnet.decoder import HRNet

PASCAL = {"semseg": 21, "human_parts": 7, "saliency": 1, "normals": 3}


class TestHRNet(DecoderContract):
    def make(self, tasks, channels):
        return HRNet(tasks, channels, neck_channels=(2, 3, 4, 5))


def literal(decoder, levels, training):
    """Decode task by task, resizing and concatenating before the first fused convolution."""
    maps, size = {}, levels[0].shape[-2:]
    for t, (task, head) in enumerate(decoder.heads.items()):
        resized = [
            F.interpolate(F.conv2d(x[t], neck.weight[t][:, :, None, None]), size, mode="bilinear")
            for x, neck in zip(levels, decoder.neck, strict=True)
        ]
        hidden = F.conv2d(torch.cat(resized, 1), head.fuse.weight[:, :, None, None], head.fuse.bias)
        norm = head.norm
        mean, var = norm.running_mean.clone(), norm.running_var.clone()
        hidden = F.batch_norm(hidden, mean, var, norm.weight, norm.bias, training, 0.1, norm.eps).relu()
        maps[task] = F.conv2d(hidden, head.predict.weight[:, :, None, None], head.predict.bias)
    return maps


def test_counts_the_published_parameters():
    decoder = HRNet(PASCAL, (192, 384, 768, 768))
    assert sum(p.numel() for p in decoder.parameters()) == 1_946_624


def test_equals_the_literal_form_in_values_and_gradients():
    for sizes in (SQUARE, ODD, ((8, 8), (4, 4), (2, 2), (2, 2)), ((4, 4),) * 4):
        for training in (True, False):
            torch.manual_seed(0)
            decoder = HRNet(task_channels(4), CHANNELS, neck_channels=(2, 3, 4, 5)).double().train(training)
            levels = [level.double().requires_grad_() for level in pyramid(4, sizes)]
            variables = [*decoder.parameters(), *levels]
            expected = literal(decoder, levels, training)
            got = decoder(levels).maps
            wanted = torch.autograd.grad(sum(m.square().sum() for m in expected.values()), variables)
            gradients = torch.autograd.grad(sum(m.square().sum() for m in got.values()), variables)
            for task in expected:
                torch.testing.assert_close(got[task], expected[task], atol=1e-10, rtol=1e-10)
            torch.testing.assert_close(gradients, wanted, atol=1e-9, rtol=1e-9)


def test_decodes_each_task_alone():
    torch.manual_seed(0)
    decoder, levels = HRNet(task_channels(3), CHANNELS, neck_channels=(2, 3, 4, 5)), pyramid(3)
    levels = [level.requires_grad_() for level in levels]
    decoder(levels).maps["task1"].square().sum().backward()
    for level, neck in zip(levels, decoder.neck, strict=True):
        for reached in (level.grad, neck.weight.grad):
            assert reached[1].abs().max() > 0
            assert not reached[[0, 2]].any()
    trained = {name.split(".")[0] for name, p in decoder.heads.named_parameters() if p.grad is not None}
    assert trained == {"task1"}
