import pytest
import torch

from mtlbench.testing.decoder_contract import CHANNELS, ODD, DecoderContract, pyramid, task_channels
from mtlbench_sharing.pad_net import PADNet


class TestPADNet(DecoderContract):
    def make(self, tasks, channels):
        return PADNet(tasks, channels, fused=12, width=8)


@pytest.mark.parametrize("streams", [1, 3])
def test_equals_one_task_at_a_time(plain, streams):
    def literal(decoder, levels):
        shared, count = [], len(decoder.tasks)
        for s in range(streams):
            joined = sum(
                conv(plain.resized(level[s], levels[0].shape[-2:]))
                for conv, level in zip(decoder.fuse.levels, levels, strict=True)
            )
            shared.append(joined)
        # the norm has the statistics of all streams
        stacked = plain.norm(decoder.fuse.norm, torch.cat(shared)).relu().chunk(streams)
        features = []
        for t in range(count):
            x = stacked[t % streams]
            for block in decoder.initial:
                x = plain.block(block, x, t, count)
            features.append(x)
        final = []
        for t, x in enumerate(plain.distilled(decoder.distill, features, 8)):
            for block in decoder.refine:
                x = plain.block(block, x, t, count)
            final.append(x)
        heads = (decoder.final, final), (decoder.early, features)
        return [head(x) for maps, xs in heads for head, x in zip(maps.values(), xs, strict=True)]

    plain.agree(PADNet(task_channels(3), CHANNELS, fused=12, width=8), pyramid(streams, ODD), literal)


def test_counts_the_parameters_of_the_public_code(count, pascal):
    parts = count(PADNet, pascal, (18, 36, 72, 144))
    assert parts.pop("fuse") == 73_440
    assert sum(parts.values()) == 25_370_562


def test_supervises_the_first_predictions_while_training():
    decoder = PADNet(task_channels(2), CHANNELS, fused=12, width=8, initial_weight=0.3)
    assert [weight for weight, _ in decoder(pyramid(1)).auxiliary] == [0.3]
    assert decoder.eval()(pyramid(1)).auxiliary == ()
