"""What made published numbers incomparable, one test per trap."""

import numpy as np
import pytest
import torch

from mtlbench.data.kinds import VOID
from mtlbench.metrics.confusion import ConfusionMeter
from mtlbench.metrics.delta_m import contributions
from mtlbench.metrics.depth import DepthMeter
from mtlbench.metrics.normals import NormalsMeter
from mtlbench.metrics.saliency import SaliencyMeter
from mtlbench_tasks.depth import Depth
from mtlbench_tasks.edge import Edge
from mtlbench_tasks.normals import Normals
from mtlbench_tasks.saliency import Saliency


def _scores(meter, *batches):
    for prediction, label in batches:
        meter.update(prediction, label)
    return meter.compute()


def _tilted(*degrees):
    """Return unit vectors (1, 3, 1, N) that lean away from the z axis."""
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return torch.stack([angles.sin(), 0 * angles, angles.cos()])[None, :, None]


def test_normals_rmse_is_no_mean():
    """The MTLoRA line returns the mean angle under the name rmse."""
    scores = _scores(NormalsMeter(), (_tilted(0, 30), _tilted(0, 0)))
    assert scores["mErr"] == pytest.approx(15)
    assert scores["rmse"] == pytest.approx(30 / 2**0.5)
    assert Normals().primary.name == "mErr"


def test_a_last_batch_of_one_image_is_one_image():
    """A squeezed batch of one has rows for images; of 5,105 images, batches of 2, 4, 8 and 16 leave one."""
    label = torch.zeros(1, 8, 8, dtype=torch.uint8)
    label[0, :2] = 1  # six of eight rows are empty, which as images would score 1 each
    prediction = 0.95 * torch.ones(1, 8, 8)
    meter = SaliencyMeter()
    meter.update(prediction, label)
    assert len(meter.state()["foreground"]) == 1
    assert meter.compute()["fgIoU"] == pytest.approx(100 * 16 / 64)


def test_no_second_sigmoid():
    """A sigmoid of probabilities squeezes them into 0.5 ... 0.73, where few thresholds are."""
    logit = torch.tensor([[[[-5.4, -6.0]]]])  # probabilities 0.0045 and 0.0025
    label = torch.tensor([[[1, 0]]], dtype=torch.uint8)
    probability = Saliency().decode(logit)
    assert _scores(SaliencyMeter(), (probability, label))["maxF"] == 100
    assert _scores(SaliencyMeter(), (probability.sigmoid(), label))["maxF"] < 70


def test_a_threshold_chosen_on_the_test_set_is_named_so():
    """A 'saliency mIoU' that is a foreground IoU at the best threshold forgives a biased probability."""
    label = torch.tensor([[[1, 1, 0, 0]]], dtype=torch.uint8)
    scores = _scores(SaliencyMeter(), (torch.tensor([[[0.3, 0.3, 0.1, 0.1]]]), label))
    assert scores["fgIoU"] == 100
    assert scores["mIoU"] == pytest.approx(100 * (0 + 2 / 4) / 2)
    assert Saliency().primary.name == "maxF"


def test_edge_is_scored_by_odsf_and_higher_is_better():
    """A mean edge loss instead of odsF has entered Δm, once with the sign of a score."""
    primary = Edge().primary
    assert primary.name in Edge().meter().compute()
    assert contributions({"edge": 80.0}, {"edge": 75.0}, {"edge": primary.higher_is_better})["edge"] > 0


@pytest.mark.parametrize("kind", ["scalar", "inverse"])
def test_void_depth_is_zero_and_255_is_a_depth(kind):
    """With 255 as void, a reader that leaves zeros turns them into depths, and the reverse."""
    assert VOID[kind] == 0
    prediction, label = torch.tensor([[[3.0, 3.0, 250.0]]]), torch.tensor([[[2.0, 0.0, 255.0]]])
    assert _scores(DepthMeter(), (prediction, label))["rmse"] == pytest.approx(((1 + 25) / 2) ** 0.5)
    assert Depth().loss(prediction[:, None], label)[0] == 1 + 5


def test_far_depth_counts():
    """One line drops all depths from 6.5535 m on, which lowers every error."""
    far = torch.tensor([[[8.0, 9.0]]])
    assert _scores(DepthMeter(), (far + 2, far))["rmse"] == pytest.approx(2)


def test_absent_classes_never_make_the_mean_nan():
    """A confusion matrix with an empty row poisons the MTAN line's mean."""
    label = torch.tensor([[[0, 1]]], dtype=torch.uint8)
    for absent, expected in (("skip", 100), ("zero", 100 * 2 / 5)):
        assert _scores(ConfusionMeter(5, absent), (label.long(), label))["mIoU"] == expected


def test_miou_is_over_the_set_and_no_mean_over_images_or_batches():
    """The MTAN line averaged over images until 2020; those numbers are about 8 % lower."""
    labels = torch.tensor([[[0, 0, 0, 1]], [[0, 1, 1, 1]]], dtype=torch.uint8)
    predictions = torch.tensor([[[0, 0, 0, 0]], [[0, 1, 1, 1]]])
    alone = [_scores(ConfusionMeter(2), (predictions[i : i + 1], labels[i : i + 1]))["mIoU"] for i in (0, 1)]
    together = _scores(ConfusionMeter(2), (predictions[:1], labels[:1]), (predictions[1:], labels[1:]))
    assert together["mIoU"] == pytest.approx(100 * (4 / 5 + 3 / 4) / 2)
    assert abs(together["mIoU"] - np.mean(alone)) > 5


def test_normals_whose_components_cancel_are_no_void():
    """A mask of x + y + z != 0 drops valid normals."""
    label = torch.tensor([0.5**0.5, -(0.5**0.5), 0.0]).reshape(1, 3, 1, 1)
    assert _scores(NormalsMeter(), (-label, label))["mErr"] == pytest.approx(180)


def test_the_length_of_a_label_does_not_change_its_angle():
    """An arc cosine of vectors that are not normalised turns 21 degrees into 34."""
    assert _scores(NormalsMeter(), (_tilted(21), 0.9 * _tilted(0)))["mErr"] == pytest.approx(21)


def test_void_is_neither_salient_nor_an_edge():
    """A label of 255 that is compared with > 0 counts as positive."""
    label = torch.tensor([[[1, 0, 255, 255]]], dtype=torch.uint8)
    prediction = torch.tensor([[[0.9, 0.1, 0.1, 0.1]]])
    assert _scores(SaliencyMeter(), (prediction, label)) == {"maxF": 100, "fgIoU": 100, "mIoU": 100}
    assert _scores(Edge().meter(), (prediction, label))["odsF"] == 100
    assert Edge().loss(torch.zeros(1, 1, 1, 4), label)[1] == 2
