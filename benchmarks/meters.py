"""Time the meters against the plain form that released evaluation code has, interleaved, on equal maps.

The plain forms are loops over classes and over thresholds, and an arc cosine, in torch. Both sides must agree
before anything is timed. The table gives the medians of CPU time per image and their ratio::

    python benchmarks/meters.py [--rounds 15] [--size 512 512]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median
from time import process_time

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from mtlbench.contracts.task import Meter
from mtlbench.metrics.confusion import ConfusionMeter
from mtlbench.metrics.depth import DepthMeter
from mtlbench.metrics.normals import NormalsMeter
from mtlbench.metrics.saliency import SaliencyMeter
from mtlbench_tasks.human_parts import HumanParts

BATCH = 4


def miou(prediction: Tensor, label: Tensor, classes: int) -> float:
    """Count hits, false alarms and misses class by class."""
    hits, alarms, misses = torch.zeros(3, classes, dtype=torch.float64)
    valid = label != 255
    for c in range(classes):
        truth, guess = label == c, prediction == c
        hits[c] += (truth & guess & valid).sum().item()
        alarms[c] += (~truth & guess & valid).sum().item()
        misses[c] += (truth & ~guess & valid).sum().item()
    return 100 * float((hits / (hits + alarms + misses).clamp_min(1e-8)).mean())


def foreground_iou(prediction: Tensor, label: Tensor) -> float:
    """Take Jaccard index, precision and recall of every image and threshold, each from masks of its own."""
    thresholds = np.linspace(0.2, 0.9, 15)
    jaccards, precisions, recalls = np.zeros((3, len(label), len(thresholds)))
    for k, threshold in enumerate(thresholds):
        guesses = (prediction > threshold).numpy()
        for image, (guess, truth) in enumerate(zip(guesses, label.numpy(), strict=True)):
            jaccards[image, k] = jaccard(guess, truth)
            hits, alarms, misses = matches(guess, truth)
            precisions[image, k] = hits / (hits + alarms + 1e-12)
            recalls[image, k] = hits / (hits + misses + 1e-12)
    return 100 * float(jaccards.mean(0).max())


def jaccard(guess: np.ndarray, truth: np.ndarray) -> float:
    """Return the intersection over union of two masks, 1 where both are empty."""
    truth, kept = truth.astype(bool), ~np.zeros_like(truth).astype(bool)
    if np.sum(truth & kept) == 0 and np.sum(guess & kept) == 0:
        return 1.0
    return float(np.sum(guess & truth & kept) / np.sum((guess | truth) & kept))


def matches(guess: np.ndarray, truth: np.ndarray) -> tuple[int, int, int]:
    """Return hits, false alarms and misses."""
    truth, kept = truth.astype(bool), ~np.zeros_like(truth).astype(bool)
    return np.sum(guess & truth & kept), np.sum(guess & ~truth & kept), np.sum(~guess & truth & kept)


def mean_angle(prediction: Tensor, label: Tensor) -> float:
    """Take the arc cosine of the clipped product; predictions come as 0 ... 255 (B, H, W, 3)."""
    p, g = (2 * prediction / 255 - 1).permute(0, 3, 1, 2), label.clone()
    valid, void = label != 0, label == 0
    p[void], g[void] = 0.0, 0.0
    angles = torch.acos((p * g).sum(1).clamp(-1, 1)) * (180 / np.pi)
    return summary(angles.masked_select(valid.any(1)))


def mean_angle_of_differences(prediction: Tensor, label: Tensor) -> float:
    """Normalise both, and take 2 atan2(|p − g|, |p + g|)."""
    p, g = normalize(prediction, dim=1), normalize(label, dim=1)
    angles = torch.rad2deg(2 * torch.atan2((p - g).norm(dim=1), (p + g).norm(dim=1)))
    return summary(angles.masked_select((label != 0).any(1)))


def summary(angles: Tensor) -> float:
    """Return the mean of angles in degrees; a further sum and the shares below the limits are dropped."""
    angles.pow(2).sqrt().sum().item()
    for limit in (11.25, 22.5, 30):
        (angles < limit).float().sum().item()
    return float(angles.double().mean())


def depth_rmse(prediction: Tensor, label: Tensor) -> float:
    """Sum squares, squares of logarithms and relative errors over valid pixels."""
    valid = label > 0
    p, g = prediction[valid].clamp_min(1e-9), label[valid]
    for further in ((p.log() - g.log()).square(), (p - g).abs() / g, (p - g) ** 2 / g):
        further.mean()
    return float((p - g).double().square().mean().sqrt())


def smooth(*shape: int, size: tuple[int, int]) -> Tensor:
    """Return random maps as smooth as predictions are, in [0, 1]."""
    coarse = torch.rand(BATCH, *(shape or (1,)), 12, 12)
    fine = interpolate(coarse, size, mode="bicubic", align_corners=True).clamp(0, 1)
    return fine if shape else fine[:, 0]


def classes(count: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return predicted and true classes, which agree in most pixels."""
    truth = (smooth(size=size) * count).clamp_max(count - 1).to(torch.uint8)
    guess = (smooth(size=size) * count).clamp_max(count - 1).long()
    guess = torch.where(torch.rand(BATCH, *size) < 0.6, truth.long(), guess)
    return guess, truth.masked_fill(torch.rand(BATCH, *size) < 0.1, 255)


def cases(size: tuple[int, int]) -> dict[str, tuple[Callable[[], Meter], str, Callable, Tensor, Tensor]]:
    """Return title -> (meter, its metric, plain form, prediction, label)."""
    found = {}
    for name, count in (("semseg, 21 classes", 21), ("semseg, 40 classes", 40), ("human parts, 7", 7)):
        guess, truth = classes(count, size)

        def plain(p: Tensor, g: Tensor, count: int = count) -> float:
            return miou(p, g, count)

        meters = {7: lambda: HumanParts().meter("legacy448")}
        meter = meters.get(count, lambda count=count: ConfusionMeter(count, "zero"))
        found[name] = (meter, "mIoU", plain, guess, truth)
    salient = (smooth(size=size) > 0.6).to(torch.uint8)
    probability = (0.4 * salient + 0.6 * smooth(size=size)).clamp(0, 1)
    found["saliency"] = (SaliencyMeter, "fgIoU", foreground_iou, probability, salient)
    truth = normalize(smooth(3, size=size) - 0.5, dim=1)
    guess = normalize(truth + 0.5 * torch.randn_like(truth), dim=1)
    truth = truth * (torch.rand(BATCH, 1, *size) > 0.2)
    found["normals, acos"] = (NormalsMeter, "mErr", mean_angle, guess, truth)
    found["normals, atan2"] = (NormalsMeter, "mErr", mean_angle_of_differences, guess, truth)
    depth = 1 + 9 * smooth(size=size)
    guess = depth * (0.8 + 0.4 * torch.rand_like(depth))
    depth = depth * (torch.rand_like(depth) > 0.2)
    found["depth"] = (DepthMeter, "rmse", depth_rmse, guess, depth)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--size", type=int, nargs=2, default=(512, 512), metavar=("H", "W"))
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    print(f"{'':20s} {'plain':>9s} {'meter':>9s}  ratio")
    for title, (make, metric, plain, prediction, label) in cases(tuple(args.size)).items():
        times: tuple[list[float], list[float]] = ([], [])
        # what released loaders and models yield
        plain_label = label.float()
        plain_prediction = 127.5 * (prediction.movedim(1, -1) + 1) if plain is mean_angle else prediction
        plain_prediction = plain_prediction.contiguous()
        for _ in range(args.rounds):
            start = process_time()
            expected = plain(plain_prediction, plain_label)
            between = process_time()
            meter = make()
            for image in range(BATCH):  # one by one, as the engine does
                meter.update(prediction[image : image + 1], label[image : image + 1])
            found = meter.compute()[metric]
            times[0].append(between - start)
            times[1].append(process_time() - between)
            assert abs(found - expected) <= 1e-4 * abs(expected), (title, found, expected)
        before, after = (1e3 * median(side) / BATCH for side in times)
        print(f"{title:20s} {before:6.2f} ms {after:6.2f} ms  {after / before:.2f}")


if __name__ == "__main__":
    main()
