from __future__ import annotations

import pytest
import torch
from torch import nn

from mtlbench_learners.maps import label_map, prediction_map
from mtlbench_learners.mtpsl import MTPSL
from mtlbench_learners.pairs import find_pairs
from mtlbench_tasks.depth import Depth
from mtlbench_tasks.semseg import SemSeg

VISIBLE = [("depth", "normals"), ("semseg",), ()]


def cosine(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return 1 - cos of the channels of (C, h, w), averaged over pixels, from its definition."""
    return 1 - ((a * b).sum(0) / (a.square().sum(0).sqrt() * b.square().sum(0).sqrt())).mean()


def test_a_pair_costs_what_the_equation_says(tasks):
    torch.manual_seed(0)
    learner = MTPSL(tasks, (4, 6, 8, 12), regulariser=0.3, widths=(4, 6)).double()
    names = list(tasks)
    labelled = {name: torch.tensor([name in ("depth", "normals"), False]) for name in names}
    pairs = find_pairs(names, labelled)
    assert len(pairs) == 8
    # neither draws: so that the form by hand sees the same maps
    outputs = {
        n: 50 * torch.randn(2, t.channels, 8, 12, dtype=torch.float64).round() for n, t in tasks.items()
    }
    outputs["semseg"] = 1e4 * torch.randn(2, 5, 8, 12, dtype=torch.float64)
    outputs["edge"] = 1e4 * torch.randn(2, 1, 8, 12, dtype=torch.float64)
    labels = {name: torch.zeros(0, 8, 12, dtype=torch.float64) for name in names}
    labels["depth"] = torch.rand(1, 8, 12, dtype=torch.float64).expand(4, 8, 12)
    labels["normals"] = torch.randn(1, 3, 8, 12, dtype=torch.float64).expand(4, 3, 8, 12)
    feature = torch.randn(2, 12, 2, 3, dtype=torch.float64)
    found = learner.distance(pairs, outputs, labels, feature)

    for place, (s, t) in enumerate(zip(pairs.source.tolist(), pairs.target.tolist(), strict=True)):
        code = torch.tensor([s * 5 + t - (t > s)])

        def mapped(task, maps, code=code):
            empty = [torch.zeros(0, x.channels, 8, 12, dtype=torch.float64) for x in tasks.values()]
            empty[task] = maps
            return learner.project(learner.mapping(empty, torch.tensor([task]), code)[-1])[0]

        source, target = names[s], names[t]
        a = mapped(s, prediction_map(tasks[source], outputs[source][:1]))
        b = mapped(t, label_map(tasks[target], labels[target][:1])[0])
        expected = cosine(a, b) + 0.3 * (cosine(a, feature[0]) + cosine(b, feature[0]))
        torch.testing.assert_close(found[place], expected)


def test_pairs_are_summed_and_images_averaged(tasks, toolbox, monkeypatch):
    counted = []

    def ones(self, pairs, outputs, labels, feature):
        counted.append(len(pairs))
        return torch.ones(len(pairs))

    monkeypatch.setattr(MTPSL, "distance", ones)
    learner = MTPSL(tasks, toolbox.channels, weight=3.0, widths=(4, 6))
    step = toolbox.step(toolbox.network(tasks), tasks, VISIBLE)
    loss = toolbox.extra(learner, step)["mtpsl"]
    assert counted == [2 * 4 + 1 * 5]
    assert loss.item() == pytest.approx(3.0 * 13 / 3)


def test_gradient_reaches_maps_and_unlabelled_predictions_but_no_feature(tasks, toolbox):
    network = toolbox.network(tasks)
    learner = MTPSL(tasks, toolbox.channels, widths=(4, 6))
    step = toolbox.step(network, tasks, [("depth", "normals")] * 2)
    loss = toolbox.extra(learner, step)["mtpsl"]
    parts = {**network.heads, "levels": network.levels, "maps": learner.mapping, "project": learner.project}
    unlabelled = {"albedo", "disparity", "edge", "semseg"}
    assert toolbox.reached(loss, parts) == unlabelled | {"maps", "project"}


def test_every_parameter_has_a_gradient_even_without_a_pair(tasks, toolbox):
    network = toolbox.network(tasks)
    learner = MTPSL(tasks, toolbox.channels, widths=(4, 6))
    for visible in ([()], [tuple(tasks)], [("depth",)]):
        loss = toolbox.extra(learner, toolbox.step(network, tasks, visible))["mtpsl"]
        loss.backward()
        heads = [p for head in network.heads.values() for p in head.parameters()]
        assert all(p.grad is not None for p in [*learner.parameters(), *heads])
        assert (loss == 0) == (visible != [("depth",)])


def test_the_map_does_not_collapse_thanks_to_the_regulariser():
    # labels say nothing of the predictions, so that a constant is the best map, but for the feature
    spread = {}
    for regulariser in (0.0, 0.5):
        torch.manual_seed(0)
        tasks = {"depth": Depth(), "semseg": SemSeg(4)}
        learner = MTPSL(tasks, (4, 4, 8, 8), regulariser=regulariser, widths=(8, 16))
        images = 8
        names = list(tasks)
        labelled = {"depth": torch.ones(images).bool(), "semseg": torch.zeros(images).bool()}
        pairs = find_pairs(names, labelled)
        place = torch.arange(images)
        outputs = {
            "depth": torch.zeros(images, 1, 8, 8),
            "semseg": 50.0 * nn.functional.one_hot(torch.randint(4, (images, 8, 8)), 4).movedim(-1, 1),
        }
        ramp = torch.stack([1 + torch.linspace(0, 1, 8) * k for k in place]).view(images, 1, 8)
        labels = {"depth": ramp.expand(images, 8, 8), "semseg": torch.zeros(0, 8, 8)}
        feature = torch.randn(images, 8, 2, 2)
        optimizer = torch.optim.Adam(learner.parameters(), lr=3e-3)
        for _ in range(150):
            optimizer.zero_grad()
            learner.distance(pairs, outputs, labels, feature).mean().backward()
            optimizer.step()
        with torch.no_grad():
            maps = [label_map(tasks["depth"], labels["depth"])[0], torch.zeros(0, 4, 8, 8)]
            source, code = torch.zeros(images, dtype=torch.long), torch.ones(images, dtype=torch.long)
            mapped = nn.functional.normalize(
                learner.project(learner.mapping(maps, source, code)[-1]).flatten(1), dim=1
            )
        spread[regulariser] = 1 - (mapped @ mapped.T).mean().item()
    assert spread[0.0] < 0.02 and spread[0.5] > 0.2
