from typing import ClassVar

import pytest
import torch
import torch.nn.functional as F

from mtlbench.testing.decoder_contract import CHANNELS, ODD, DecoderContract, pyramid, task_channels
from mtlbench_sharing.atrc import ATRC
from mtlbench_sharing.contexts import LocalContext
from mtlbench_sharing.genotypes import PUBLISHED, MissingPair, UnknownContext, contexts_of

SMALL = {"neck_channels": (4, 5, 6, 5), "width": 8, "attention_width": 6, "dropout": 0.0}
MIXED = {
    "task0": {"task0": "t-label", "task1": "global", "task2": "s-label"},
    "task1": {"task0": "none", "task1": "none", "task2": "none"},
    "task2": {"task0": "s-label", "task1": "none", "task2": "local"},
}


def make(tasks, channels, **options):
    """Make a small decoder that listens to contexts from the start."""
    decoder = ATRC(tasks, channels, **(SMALL | options))
    torch.nn.init.ones_(decoder.join_norm.weight)
    return decoder


class TestTLabel(DecoderContract):
    genotype: ClassVar = "t-label"

    def make(self, tasks, channels):
        return make(tasks, channels, genotype=self.genotype, regions={"task1": 5})


class TestSLabel(TestTLabel):
    genotype = "s-label"


class TestGlobal(TestTLabel):
    genotype = "global"


class TestLocal(TestTLabel):
    genotype = "local"


def projected(plain, layer, x, pair, pairs, last):
    """Project to queries or keys."""
    hidden = plain.conv_norm(layer[0], x, pair, pairs).relu()
    return last(plain.conv_norm(layer[2], hidden, pair, pairs))


def context(plain, layer, pair, target, source, regions):
    """Compute one pair's context, pixel by pixel."""
    last = F.softplus if type(layer).__name__ == "GlobalContext" else F.relu
    if regions is not None:
        source = torch.einsum("bkp,bcp->bck", regions, source.flatten(2))[..., None]
    query = projected(plain, layer.query, target, pair, layer.pairs, last)
    key = projected(plain, layer.key, source, pair, layer.pairs, last)
    value = plain.conv_norm(layer.value[0], source, pair, layer.pairs).relu()
    out, (height, width) = torch.zeros_like(query), query.shape[-2:]
    for y in range(height):
        for x in range(width):
            window = (slice(None),) * 2
            if isinstance(layer, LocalContext):
                window += (slice(max(0, y - 4), y + 5), slice(max(0, x - 4), x + 5))
            keys, values = key[window].flatten(2), value[window].flatten(2)
            found = torch.einsum("bc,bcp->bp", query[:, :, y, x], keys)
            if last is F.softplus:
                weights = found / found.sum(1, keepdim=True)
            else:
                weights = (found / query.shape[1] ** 0.5).softmax(1)
            out[:, :, y, x] = torch.einsum("bp,bcp->bc", weights, values)
    return out


@pytest.mark.parametrize("streams", [1, 3])
@pytest.mark.parametrize("genotype", ["t-label", "s-label", "global", "local", MIXED], ids=str)
def test_equals_one_pair_at_a_time(plain, genotype, streams):
    kinds = contexts_of(genotype, ("task0", "task1", "task2"))

    def literal(decoder, levels):
        tasks, size = len(decoder.tasks), levels[0].shape[-2:]
        joined = []
        for (conv, norm, _), level in zip(decoder.neck.levels, levels, strict=True):
            x = plain.norm(norm, conv(level.flatten(0, 1))).relu()
            joined.append(plain.resized(x, size))
        joined = torch.cat(joined, 1).chunk(streams)
        features = [
            plain.conv_norm(decoder.features[0], joined[t % streams], t, tasks).relu() for t in range(tasks)
        ]
        scores, auxiliary = {}, []
        for place, t in enumerate(decoder.labels):
            task, seen = f"task{t}", joined[t % streams].detach()
            pair = decoder.regions.hidden[0]
            hidden = plain.conv_norm(pair, seen, place, len(decoder.labels)).relu()
            scores[t] = decoder.regions.score[task](hidden)
            values = decoder.regions.values
            auxiliary.append(values[task](scores[t].softmax(1)) if task in values else scores[t])
        found = {}
        for (label, pairs), layer in zip(decoder.pairs, decoder.contexts, strict=True):
            regions = None if label is None else scores[label].flatten(2).softmax(2)
            for i, (target, source) in enumerate(pairs):
                kind = kinds[target][source]
                assert label == {"t-label": target, "s-label": source}.get(kind)
                found[target, source] = context(plain, layer, i, features[target], features[source], regions)
        assert sorted(found) == [(t, s) for t in range(tasks) for s in range(tasks) if kinds[t][s] != "none"]
        order = [pair for _, pairs in decoder.pairs for pair in pairs]
        maps = []
        for t in range(tasks):
            mixed = plain.conv(decoder.mix, features[t], t, tasks)
            if t in decoder.receivers:
                place, count = decoder.receivers.index(t), len(decoder.receivers)
                told = torch.cat([found[pair] for pair in order if pair[0] == t], 1)
                told = plain.norm(decoder.join_norm, decoder.join[place](told), place, count)
                mixed = mixed + plain.conv(decoder.mix_received, told, place, count)
            mixed = plain.norm(decoder.mix_norm, mixed, t, tasks).relu()
            maps.append(decoder.final[f"task{t}"](mixed))
        return maps + auxiliary

    decoder = make(task_channels(3), CHANNELS, genotype=genotype, regions={"task2": 4})
    plain.agree(decoder, pyramid(streams, ODD), literal)


def test_contexts_are_silent_at_the_start():
    torch.manual_seed(0)
    decoder, levels = ATRC(task_channels(3), CHANNELS, **SMALL).eval(), pyramid(1)
    before = decoder(levels).maps
    for context in decoder.contexts:
        torch.nn.init.normal_(context.value[0][0].weight)
    torch.testing.assert_close(decoder(levels).maps, before)


def test_auxiliary_losses_train_nothing_but_the_auxiliary_predictions():
    decoder, levels = make(task_channels(3), CHANNELS), [x.requires_grad_() for x in pyramid(1)]
    ((weight, maps),) = decoder(levels).auxiliary
    assert weight == 1
    sum(m.square().sum() for m in maps.values()).backward()
    trained = {name.split(".")[0] for name, p in decoder.named_parameters() if p.grad is not None}
    assert trained == {"regions"} and not any(level.grad is not None for level in levels)


def test_only_tasks_whose_labels_are_used_are_predicted_twice():
    decoder = make(task_channels(3), CHANNELS, genotype=MIXED)
    ((_, maps),) = decoder(pyramid(3)).auxiliary
    assert list(maps) == ["task0", "task2"]
    assert make(task_channels(3), CHANNELS, genotype="global")(pyramid(1)).auxiliary == ()


def test_tasks_without_any_context_decode_alone():
    alone = ATRC(task_channels(2), CHANNELS, genotype="none", **SMALL)
    levels = [level.requires_grad_() for level in pyramid(2)]
    alone(levels).maps["task1"].sum().backward()
    assert {name.split(".")[0] for name, _ in alone.named_parameters()} == {
        "neck",
        "features",
        "mix",
        "mix_norm",
        "final",
    }


def test_channels_are_dropped_before_the_final_prediction():
    torch.manual_seed(0)
    decoder = make(task_channels(2), CHANNELS, dropout=0.5)
    seen = []
    decoder.final.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    decoder(pyramid(1))
    dropped = seen[0].flatten(2).amax(2) == 0
    assert 0.2 < dropped.float().mean() < 0.8


def test_knows_what_the_search_found():
    pascal = contexts_of("pascal-hrnet18", ("normals", "semseg"))
    assert pascal == [["t-label", "t-label"], ["none", "t-label"]]
    assert PUBLISHED["nyud-hrnet48"]["depth"] == {
        "semseg": "s-label",
        "depth": "global",
        "normals": "global",
        "edge": "s-label",
    }


def test_counts_the_parameters_of_the_public_code(count, pascal):
    parts = count(ATRC, pascal, (18, 36, 72, 144), genotype="pascal-hrnet18")
    del parts["neck"]
    own_readouts = 40 * 3 + 2 * 1 + 2 * 1
    assert sum(parts.values()) == 1_522_354 + own_readouts


@pytest.mark.parametrize(
    "genotype, error, text",
    [
        (
            "t-lable",
            UnknownContext,
            "genotype='t-lable' names no context. Did you mean \"t-label\"? Take one of",
        ),
        ({"task0": {"task0": "near", "task1": "none"}}, UnknownContext, "genotype='near' names no context."),
        (
            {"task0": {"task0": "none"}},
            MissingPair,
            "The genotype says nothing of what 'task0' takes from 'task1'; add genotype['task0']['task1'], "
            "or name one context for all pairs.",
        ),
    ],
)
def test_says_what_is_wrong_with_a_genotype(genotype, error, text):
    with pytest.raises(error) as found:
        ATRC(task_channels(2), CHANNELS, genotype=genotype, **SMALL)
    assert str(found.value).startswith(text)
