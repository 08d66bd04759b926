import pytest
import torch

from mtlbench_tasks.human_parts import HumanParts

LABEL = torch.zeros(3, 4, 4, dtype=torch.uint8)
LABEL[0, 1:3, 1:3] = 2  # a person; image 1 shows nobody; nobody and void in image 2
LABEL[2, 0] = 255


def test_images_without_people_are_void_in_the_loss():
    output = torch.randn(3, 7, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    total, count = HumanParts().loss(output, LABEL)
    total.backward()
    assert count == 16
    assert output.grad[0].any() and not output.grad[1:].any()
    assert HumanParts(keep_empty=True).loss(output, LABEL)[1] == 16 + 16 + 12


@pytest.mark.parametrize(("keep_empty", "expected"), [(False, 100.0), (True, 100 * (28 / 40 + 4 / 16) / 2)])
def test_images_without_people_are_void_in_the_meter(keep_empty, expected):
    prediction = LABEL.long().clone()
    prediction[1:, 1] = prediction[1, 2] = 2  # 4 + 4 + 4 false pixels where nobody is
    meter = HumanParts(keep_empty=keep_empty).meter()
    meter.update(prediction.clamp_max(6) * (LABEL != 255), LABEL)
    assert meter.compute()["mIoU"] == pytest.approx(expected)


def test_it_does_not_change_the_label():
    copy = LABEL.clone()
    HumanParts().loss(torch.zeros(3, 7, 4, 4), LABEL)
    assert torch.equal(copy, LABEL)
