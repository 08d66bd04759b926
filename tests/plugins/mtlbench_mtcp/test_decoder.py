from itertools import permutations
from typing import ClassVar

import pytest
import torch

from mtlbench.testing.decoder_contract import (
    CHANNELS,
    DecoderContract,
    pyramid,
    task_channels,
)
from mtlbench_mtcp.decoder import MTCP, UnknownVariant

SMALL = {"width": 16, "window": 3}


def make(count=3, seed=0, **options):
    """Make a small decoder with reproducible parameters."""
    torch.manual_seed(seed)
    return MTCP(task_channels(count), CHANNELS, **(SMALL | options))


def every_map(decoded):
    """List the maps, and those that are only supervised."""
    return [m for maps in (decoded.maps, *(more for _, more in decoded.auxiliary)) for m in maps.values()]


class TrainsAll(DecoderContract):
    options: ClassVar = {}

    def make(self, tasks, channels):
        return MTCP(tasks, channels, **(SMALL | self.options))

    @pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
    def test_trains_every_parameter(self, count):
        # the further predictions have parameters of their own
        decoder = self.seeded(count)
        levels = [level.requires_grad_() for level in pyramid(count)]
        sum((m * torch.randn_like(m)).sum() for m in every_map(decoder(levels))).backward()
        dead = [n for n, p in decoder.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
        assert not dead
        assert all(level.grad.flatten(1).abs().amax(1).gt(0).all() for level in levels)

    def test_stays_close_under_bf16_autocast(self):
        # in evaluation: statistics over two pixels, which the coarsest maps have, magnify any rounding
        decoder = self.seeded(3)
        decoder(pyramid(3))
        decoder.eval()
        full = decoder(pyramid(3)).maps
        with torch.autocast("cpu", torch.bfloat16):
            maps = decoder(pyramid(3)).maps
        for task in full:
            assert (maps[task].float() - full[task]).norm() < 0.05 * full[task].norm()

    def test_gradients_are_finite_under_bf16_autocast(self):
        decoder = self.seeded(3)
        with torch.autocast("cpu", torch.bfloat16):
            decoded = decoder([level.requires_grad_() for level in pyramid(3)])
        sum(m.float().square().mean() for m in every_map(decoded)).backward()
        assert all(p.grad.isfinite().all() for p in decoder.parameters())


class TestReleased(TrainsAll):
    pass


class TestFigure(TrainsAll):
    options: ClassVar = {"variant": "figure"}


class TestWithoutFusion(TrainsAll):
    options: ClassVar = {"cfm": False}


class TestWithoutTraceBack(TrainsAll):
    options: ClassVar = {"srm": False}


@pytest.mark.parametrize("streams", [1, 3])
@pytest.mark.parametrize("variant", ["released", "figure"])
def test_does_not_depend_on_the_order_of_tasks(variant, streams):
    tasks, levels = task_channels(3), pyramid(streams)
    torch.manual_seed(0)
    expected = MTCP(tasks, CHANNELS, variant=variant, **SMALL)(levels)
    for order in permutations(range(3)):
        torch.manual_seed(0)
        names = [list(tasks)[i] for i in order]
        decoder = MTCP({name: tasks[name] for name in names}, CHANNELS, variant=variant, **SMALL)
        decoded = decoder(levels if streams == 1 else [level[list(order)] for level in levels])
        pairs = zip((expected.maps, *(m for _, m in expected.auxiliary)), every_mapping(decoded), strict=True)
        for theirs, ours in pairs:
            assert list(ours) == names
            assert all(torch.equal(ours[name], theirs[name]) for name in names)


def test_takes_shared_levels_beside_levels_per_task():
    decoder = make().eval()
    levels = [*pyramid(1)[:2], *pyramid(3)[2:]]
    fanned = [level.expand(3, -1, -1, -1, -1) for level in levels]
    torch.testing.assert_close(decoder(levels).maps, decoder(fanned).maps)


def every_mapping(decoded):
    """List the mappings from tasks to maps."""
    return [decoded.maps, *(maps for _, maps in decoded.auxiliary)]


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, [(0.5, (2, 2)), (0.5, (4, 4))]),
        ({"intermediate_weight": 0.1}, [(0.1, (2, 2)), (0.1, (4, 4))]),
        ({"variant": "figure"}, [(1.0, (8, 8))]),
        ({"variant": "figure", "initial_weight": 0.3}, [(0.3, (8, 8))]),
        ({"srm": False}, []),
        ({"variant": "figure", "srm": False}, []),
    ],
)
def test_supervises_further_predictions_from_early_to_late(options, expected):
    decoder = make(**options)
    found = decoder(pyramid(3)).auxiliary
    assert [(weight, *{tuple(m.shape[-2:]) for m in maps.values()}) for weight, maps in found] == expected


def test_predicts_further_maps_only_while_its_own_flag_says_training():
    decoder = make().eval()
    assert decoder(pyramid(3)).auxiliary == ()
    calls = []
    for heads in decoder.early:
        heads.register_forward_hook(lambda *_: calls.append(1))
    decoder(pyramid(3))
    assert not calls
    before = {name: buffer.clone() for name, buffer in decoder.named_buffers()}
    decoder.training = True
    assert len(decoder(pyramid(3)).auxiliary) == 2
    assert all(torch.equal(before[name], buffer) for name, buffer in decoder.named_buffers())


def test_the_initial_prediction_precedes_the_trace_back():
    decoder = make(variant="figure").eval()
    decoder.training = True
    before = decoder(pyramid(3))
    for parameter in decoder.trace_back.parameters():
        torch.nn.init.normal_(parameter)
    after = decoder(pyramid(3))
    for task in decoder.tasks:
        assert torch.equal(before.auxiliary[0][1][task], after.auxiliary[0][1][task])
        assert not torch.equal(before.maps[task], after.maps[task])


def test_tasks_meet_in_the_fusion_only():
    levels = pyramid(3)
    changed = [level.clone() for level in levels]
    for level in changed:
        level[0] += 1
    for cfm in (True, False):
        decoder = make(cfm=cfm).eval()
        first, second = decoder(levels).maps, decoder(changed).maps
        same = [torch.equal(first[task], second[task]) for task in first]
        assert same == ([False] * 3 if cfm else [False, True, True])


def test_an_unknown_variant_is_named():
    with pytest.raises(UnknownVariant, match="variant='paper' is not one of released, figure; take one"):
        make(variant="paper")


def cbam(c):
    """Count two gates: a perceptron with biases; a 7x7 convolution of two channels with a batch norm."""
    hidden = max(4, c // 16)
    return (c * hidden + hidden) + (hidden * c + c) + 2 * 49 + 2


def counted(outputs, channels, w, heads=2, window=7, hidden=None):
    """Add up the parameters of each part by hand."""
    hidden, t = hidden or w, len(outputs)
    n, widths = max(1, t - 1), (w, 2 * w, 4 * w)
    head = t * (w * hidden + 2 * hidden) + sum((hidden + 1) * c for c in outputs)
    # two layer norms, qkv, its projection, a perceptron, a table of biases
    block = [
        4 * c + 3 * c * (c + 1) + c * (c + 1) + 8 * c * c + 5 * c + heads * (2 * window - 1) ** 2
        for c in widths
    ]
    merging = [8 * c + 8 * c * c for c in widths[:2]]
    srm = [(w, 4 * w, 5 * w), (4 * w, 2 * w, 3 * w), (2 * w, w, w)]
    return {
        "shared": sum(channels) * w + 4 * 2 * w + 9 * w * w + w,
        "stages": t * (block[0] + 2 * block[1] + block[2] + sum(merging) + 2 * sum(widths)),
        "pyramid": t * (sum(widths) * w + 3 * w + 9 * w * w + w),
        "cfm": t
        * (n * w * (w + 1) + 2 * w * (n * w + 1) + 2 * (cbam(2 * w) + 2 * 2 * w) + 2 * (cbam(w) + 2 * w)),
        "trace_back": t * sum(cbam(a) + cbam(b) + (a + b) * c + 2 * c for a, b, c in srm),
        "final": head,
        "early": 2 * head,
    }


@pytest.mark.parametrize("options", [{}, {"head_width": 24, "window": 5, "heads": (4, 4, 4)}], ids=str)
@pytest.mark.parametrize("tasks", [1, 2, 5])
def test_parameters_equal_the_formula(tasks, options):
    outputs = task_channels(tasks)
    decoder = MTCP(outputs, CHANNELS, width=16, **options)
    expected = counted(
        outputs.values(),
        CHANNELS,
        16,
        options.get("heads", (2,))[0],
        options.get("window", 7),
        options.get("head_width"),
    )
    assert {
        name: sum(p.numel() for p in part.parameters()) for name, part in decoder.named_children()
    } == expected


def test_parameters_at_the_size_of_the_release():
    expected = counted((40, 1, 3), (96, 192, 384, 768), 256)
    with torch.device("meta"):
        decoder = MTCP({"semseg": 40, "depth": 1, "normals": 3}, (96, 192, 384, 768))
    assert {
        name: sum(p.numel() for p in part.parameters()) for name, part in decoder.named_children()
    } == expected
    assert sum(expected.values()) == 83_254_740
