import pytest
import torch
import torch.nn.functional as F

from mtlbench.testing.decoder_contract import CHANNELS, ODD, DecoderContract, pyramid, task_channels
from mtlbench_sharing.mti_net import MTINet

NECK = (4, 5, 6, 8)


class TestMTINet(DecoderContract):
    def make(self, tasks, channels):
        return MTINet(tasks, channels, neck_channels=NECK)


def propagated(plain, layer, features):
    """Propagate the features (B, C, H, W) of every task."""
    tasks = len(features)
    joined = torch.cat(features, 1)
    first, second, last = layer.weigh
    scores = last(plain.block(second, plain.block(first, joined))).chunk(tasks, 1)
    total = sum(score.exp() for score in scores)
    shared = plain.block(
        layer.reduce, torch.cat([s.exp() / total * x for s, x in zip(scores, features, strict=True)], 1)
    )
    pooled = F.adaptive_avg_pool2d(shared, 1)
    gates = [
        plain.conv(layer.excite, plain.conv(layer.squeeze, pooled, t, tasks).relu(), t, tasks).sigmoid()
        for t in range(tasks)
    ]
    return [x + gate * shared for gate, x in zip(gates, features, strict=True)]


@pytest.mark.parametrize("streams", [1, 3])
def test_equals_one_task_at_a_time(plain, streams):
    def literal(decoder, levels):
        tasks, coarse, scales, early = len(decoder.tasks), None, [], []
        for i in (3, 2, 1, 0):
            conv, norm, _ = decoder.neck.levels[i]
            level = plain.norm(norm, conv(levels[i].flatten(0, 1))).relu().chunk(streams)
            features = []
            for t in range(tasks):
                x = level[t % streams]
                if coarse is not None:
                    x = torch.cat([x, plain.resized(coarse[t], x.shape[-2:])], 1)
                for block in decoder.initial[i]:
                    x = plain.block(block, x, t, tasks)
                features.append(x)
            early += [head(x) for head, x in zip(decoder.early[i].values(), features, strict=True)]
            scales.insert(0, plain.distilled(decoder.distill[i], features, NECK[i]))
            coarse = propagated(plain, decoder.propagate[i - 1], features) if i else None
        return [
            plain.predictor(head, [scale[t] for scale in scales])
            for t, head in enumerate(decoder.final.values())
        ] + early

    plain.agree(MTINet(task_channels(3), CHANNELS, neck_channels=NECK), pyramid(streams, ODD), literal)


def test_supervises_every_scale_from_coarse_to_fine():
    decoder = MTINet(task_channels(2), CHANNELS, neck_channels=NECK, scale_weight=0.5)
    found = decoder(pyramid(1)).auxiliary
    assert [(weight, *{tuple(m.shape[-2:]) for m in maps.values()}) for weight, maps in found] == [
        (0.5, (1, 1)),
        (0.5, (2, 2)),
        (0.5, (4, 4)),
        (0.5, (8, 8)),
    ]
    assert decoder.eval()(pyramid(1)).auxiliary == ()


def test_counts_the_parameters_of_the_public_code(count, pascal):
    parts = count(MTINet, pascal, (18, 36, 72, 144))
    assert parts.pop("neck") == sum((width + 2) * width for width in (18, 36, 72, 144))
    wider_gates = 5 * 2 * (2 * 36 + 1)
    assert sum(parts.values()) == 20_633_451 + wider_gates
