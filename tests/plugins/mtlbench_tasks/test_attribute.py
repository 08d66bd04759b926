from math import exp, log1p

import numpy as np
import pytest
import torch

from mtlbench.metrics.errors import BadLabel
from mtlbench_tasks.attribute import Attribute

B, H, W = 5, 6, 7
TASK = Attribute()


@pytest.fixture
def batch():
    """Return logits and labels; the second image is void, the third has a void row, 0 and 1 both occur."""
    output = torch.randn(B, 1, H, W, generator=torch.Generator().manual_seed(0)).requires_grad_()
    label = torch.tensor([0, 255, 1, 1, 0], dtype=torch.uint8).view(B, 1, 1).repeat(1, H, W)
    label[2, 0] = 255
    return output, label


def brute_force(output, label):
    """Return per image the cross entropy of the mean logit, in pure Python; None where all is void."""
    losses = []
    for logits, truth in zip(output[:, 0].tolist(), label.tolist(), strict=True):
        pairs = [
            (x, y) for row, line in zip(logits, truth, strict=True) for x, y in zip(row, line, strict=True)
        ]
        seen = [(x, y) for x, y in pairs if y != 255]
        if not seen:
            losses.append(None)
            continue
        z, y = sum(x for x, _ in seen) / len(seen), seen[0][1]
        losses.append(log1p(exp(-z)) if y else log1p(exp(z)))
    return losses


def test_the_loss_is_the_cross_entropy_of_the_mean_logit_per_image(batch):
    output, label = batch
    total, count = TASK.loss(output, label)
    losses = brute_force(output.detach(), label)
    assert count == 4
    torch.testing.assert_close(total.item(), sum(x for x in losses if x is not None), rtol=1e-6, atol=0)
    parts = [TASK.loss(output[i : i + 1], label[i : i + 1]) for i in range(B)]
    torch.testing.assert_close(total, sum(part[0] for part in parts))
    assert count == sum(part[1] for part in parts)


def test_the_gradient_is_equal_over_an_image_and_nothing_in_void(batch):
    output, label = batch
    TASK.loss(output, label)[0].backward()
    for gradient, truth in zip(output.grad[:, 0], label, strict=True):
        seen = gradient[truth != 255]
        assert not gradient[truth == 255].any()
        if seen.numel():
            assert seen.unique().numel() == 1 and (seen[0] < 0) == (truth[-1, -1] == 1)


def test_all_void_is_zero_with_a_graph(batch):
    output, label = batch
    total, count = TASK.loss(output, torch.full_like(label, 255))
    total.backward()
    assert total == 0 and count == 0 and not output.grad.any()


def test_bfloat16_outputs_are_summed_in_float32(batch):
    output, label = batch
    low = output.detach().bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total, _ = TASK.loss(low, label)
    assert total.dtype == torch.float32
    torch.testing.assert_close(total, TASK.loss(low.float(), label)[0], rtol=1e-6, atol=0)


def test_a_prediction_is_one_probability_at_every_pixel(batch):
    output, _ = batch
    probability = TASK.decode(output.detach())
    assert probability.shape == (B, H, W) and probability.dtype == torch.float32
    for index in range(B):
        mean = output[index].double().mean().item()
        torch.testing.assert_close(
            probability[index].unique().item(), 1 / (1 + exp(-mean)), rtol=1e-6, atol=0
        )


def test_the_meter_counts_images_whatever_the_batches():
    rng = np.random.default_rng(0)
    truth, guess = rng.integers(0, 2, 40), rng.random(40).astype(np.float32)
    maps = torch.from_numpy(np.broadcast_to(guess[:, None, None], (40, H, W)).copy())
    labels = torch.from_numpy(np.broadcast_to(truth.astype(np.uint8)[:, None, None], (40, H, W)).copy())
    labels[3] = 255
    kept = np.arange(40) != 3
    wrong = sum(int(g > 0.5) != t for g, t in zip(guess[kept], truth[kept], strict=True))
    whole, merged = TASK.meter(), TASK.meter("legacy448")
    whole.update(maps, labels)
    for part in (slice(30, 40), slice(0, 1), slice(1, 30)):
        shard = TASK.meter()
        shard.update(maps[part], labels[part])
        merged.merge(shard.state())
    assert whole.compute() == merged.compute()
    assert whole.compute() == {"error": 100 * wrong / 39, "accuracy": 100 * (39 - wrong) / 39}
    assert np.isnan(TASK.meter().compute()["error"])


def test_a_label_that_is_no_attribute_is_refused():
    label = torch.zeros(1, H, W, dtype=torch.uint8)
    label[0, 0, 0] = 1
    with pytest.raises(BadLabel, match=r"holds \[0, 1\] instead of one of 0 and 1; use the task edge"):
        TASK.meter().update(torch.zeros(1, H, W), label)
    with pytest.raises(BadLabel, match=r"holds \[2\]"):
        TASK.meter().update(torch.zeros(1, H, W), torch.full((1, H, W), 2, dtype=torch.uint8))


def test_descending_the_loss_brings_the_error_to_nothing(batch):
    output, label = batch
    optimiser = torch.optim.SGD([output], lr=20.0)
    for _ in range(50):
        optimiser.zero_grad()
        total, count = TASK.loss(output, label)
        (total / count).backward()
        optimiser.step()
    meter = TASK.meter()
    meter.update(TASK.decode(output.detach()), label)
    assert meter.compute() == {"error": 0.0, "accuracy": 100.0}


def test_labels_and_predictions_are_drawn_in_grey(batch):
    output, label = batch
    assert TASK.draw(label[3].numpy()).min() == 255 and not TASK.draw(label[1].numpy()).any()
    assert TASK.draw(TASK.decode(output.detach())[0].numpy()).shape == (H, W, 3)
