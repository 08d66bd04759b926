import pytest
import torch
import torch.nn.functional as F

from mtlbench.testing.decoder_contract import CHANNELS, ODD, SQUARE, DecoderContract, pyramid, task_channels
from mtlbench_sharing.mtan import MTAN

NECK = (2, 3, 4, 5)


class TestMTAN(DecoderContract):
    def make(self, tasks, channels):
        return MTAN(tasks, channels, neck_channels=NECK)


@pytest.mark.parametrize("streams, sizes", [(1, ODD), (3, ODD), (1, ((4, 4),) * 4)])
def test_equals_one_task_at_a_time(plain, streams, sizes):
    def literal(decoder, levels):
        tasks, taken = len(decoder.tasks), None
        projected = [[] for _ in range(tasks)]
        for i, level in enumerate(levels):
            attended = []
            for t in range(tasks):
                x = level[t % streams]
                sight = x if taken is None else torch.cat([x, taken[t]], 1)
                hidden = plain.conv_norm(decoder.attention[i][0], sight, t, tasks).relu()
                attended.append(plain.conv_norm(decoder.attention[i][2], hidden, t, tasks).sigmoid() * x)
                weight = decoder.neck[i].weight[t][:, :, None, None]
                projected[t].append(F.conv2d(attended[t], weight))
            if i < 3:
                refined = plain.block(decoder.refine[i], torch.cat(attended)).chunk(tasks)
                taken = [F.adaptive_max_pool2d(x, levels[i + 1].shape[-2:]) for x in refined]
        return [
            plain.predictor(head, own) for head, own in zip(decoder.heads.values(), projected, strict=True)
        ]

    plain.agree(MTAN(task_channels(3), CHANNELS, neck_channels=NECK), pyramid(streams, sizes), literal)


def test_levels_of_half_the_size_are_reached_by_pooling_2x2():
    torch.manual_seed(0)
    decoder, levels = MTAN(task_channels(2), CHANNELS, neck_channels=NECK), pyramid(1, SQUARE)
    taken = []
    decoder.attention[1].register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
    first, *_ = decoder.attend(levels)
    refined = decoder.refine[0](first.flatten(0, 1))
    expected = F.max_pool2d(refined, 2).unflatten(0, (2, -1))
    got = taken[0].unflatten(1, (2, -1)).movedim(1, 0)[:, :, CHANNELS[1] :]
    torch.testing.assert_close(got, expected)


def test_a_mask_is_between_0_and_1_and_the_tasks_own():
    torch.manual_seed(0)
    decoder, levels = MTAN(task_channels(3), CHANNELS, neck_channels=NECK).eval(), pyramid(1)
    before = decoder.attend(levels)
    for attended, level in zip(before, levels, strict=True):
        assert ((attended / level > 0) & (attended / level < 1)).all()
    with torch.no_grad():
        decoder.attention[0][0][0].weight.unflatten(0, (3, -1))[1] *= 2
    for ours, theirs in zip(decoder.attend(levels), before, strict=True):
        assert [torch.equal(a, b) for a, b in zip(ours, theirs, strict=True)] == [True, False, True]


def test_counts_the_parameters_of_the_public_code(count, pascal):
    parts = count(MTAN, pascal, (256, 512, 1024, 2048))
    cancelled_biases = 5 * sum(width + width // 4 for width in (256, 512, 1024, 2048))
    assert parts["attention"] == 20_879_680 - cancelled_biases
    assert parts["refine"] == 7_931_392
