"""Time loading a training split from files: reading, decoding, augmenting and batching.

Rooms are written as the files of NYUD-MT or PASCAL-MT and loaded, batch by batch and turn by turn in one
process with one thread, by

- `ours`: the dataset kept decoded, in the first epoch of a run (files are read, records written), in its
  second one, and in the first epoch of another run (records are compared with their checksums),
- `files`: the same with nothing kept, so that every epoch reads the files,
- `peers`: the steps of the MTLoRA line in a plain form (`plain_sample`),
- `release`: that line's own code, if `--release` names its folder (NYUD-MT only).

Prints samples per second of CPU time; the goals are 5 times the peers' from the second epoch on, and never
fewer than theirs in the first::

    python benchmarks/loading.py nyud
    python benchmarks/loading.py pascal --size 375 500

The plain form ends as the peers' does, with normalised float32 images and float64 labels. Ours hands out
uint8 images, which the model normalises, and labels in their own types.
"""

from __future__ import annotations

import argparse
import copy
import logging
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from mtlbench.data.check import vector_lengths
from mtlbench.data.collate import collate_train
from mtlbench.data.decoded import open_decoded
from mtlbench.data.view import TrainView
from mtlbench.plugin import Catalog

SIZE = (448, 448)
RESIZE = {"type": "Resize", "size": SIZE}
TRANSFORMS = {
    "nyud": [{"type": "RandomFlip"}, {"type": "RandomScaleCrop", "scales": (1.0, 1.2, 1.5)}, RESIZE],
    "pascal": [{"type": "RandomFlip"}, {"type": "RandomRotateScale"}, RESIZE],
}
KINDS = {
    "nyud": {"semseg": "classes", "depth": "scalar", "normals": "vector", "edge": "classes"},
    "pascal": {
        "semseg": "classes", "human_parts": "classes", "saliency": "classes", "normals": "vector",
        "edge": "classes",
    },
}  # fmt: skip
MEAN, STD = (torch.tensor(c).view(3, 1, 1) for c in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

Make = Callable[[int, list[int]], Any]
"""Makes the batch of some images in some epoch."""


def ours(dataset: Any, name: str) -> Make:
    """Return what a worker of a run does."""
    view = TrainView(dataset, KINDS[name], TRANSFORMS[name], seed=0)
    return lambda epoch, batch: collate_train([view[epoch, index] for index in batch], KINDS[name])


def peers(read: Callable[[int], dict[str, np.ndarray]], name: str) -> Make:
    """Return what the peers' loaders do, in a plain form."""
    rng = np.random.default_rng(0)

    def make(epoch: int, batch: list[int]) -> dict[str, torch.Tensor]:
        samples = [plain_sample(read(index), rng, rotate=name == "pascal") for index in batch]
        return {part: torch.stack([sample[part] for sample in samples]) for part in samples[0]}

    return make


def plain_sample(
    arrays: dict[str, np.ndarray], rng: np.random.Generator, rotate: bool
) -> dict[str, torch.Tensor]:
    """Mirror, turn and zoom, resize, mark what is to be ignored, and make tensors, each array by itself."""
    mirrored = rng.random() < 0.5
    degrees = rng.uniform(-20, 20) if rotate else 0
    scale = rng.uniform(0.75, 1.25) if rotate else (1.0, 1.2, 1.5)[rng.integers(3)]
    tensors = {}
    for part, array in arrays.items():
        cubic = part in ("image", "normals")
        height, width = array.shape[:2]
        if mirrored:
            array = cv2.flip(array, 1)
            if part == "normals":
                array[..., 0] *= -1
        if part == "normals":
            angle = np.arctan2(array[..., 0], array[..., 1]) + math.radians(degrees)
            length = np.sqrt(array[..., 0] ** 2 + array[..., 1] ** 2)
            array[..., 0], array[..., 1] = np.sin(angle) * length, np.cos(angle) * length
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
        how = cv2.INTER_CUBIC if cubic else cv2.INTER_NEAREST
        array = cv2.warpAffine(array, turn, (width, height), flags=how)
        array = array / scale if part == "depth" else array
        array = cv2.resize(array, SIZE[::-1], interpolation=how)
        if part == "normals":
            array /= vector_lengths(array)[..., None] + 1e-16
            array[vector_lengths(array) == 0] = 255
        elif part == "depth":
            array[array == 0] = 255
        elif part == "human_parts" and (array == 0).all():
            array = np.full_like(array, 255)
        if part == "image":
            image = torch.from_numpy(array.astype(np.uint8).transpose(2, 0, 1)).contiguous()
            tensors[part] = (image.float().div(255) - MEAN) / STD
        else:
            planes = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
            tensors[part] = torch.from_numpy(planes.astype(float))
    return tensors


def plain_nyud(root: Path, names: list[str]) -> Callable[[int], dict[str, np.ndarray]]:
    """Return a reader of NYUD-MT as the peers read it."""

    def read(index: int) -> dict[str, np.ndarray]:
        name = names[index]
        semseg = np.array(Image.open(root / f"segmentation/{name}.png")).astype(float)
        semseg[semseg == 0] = 256
        return {
            "image": np.array(Image.open(root / f"images/{name}.jpg").convert("RGB")).astype(float),
            "edge": np.load(root / f"edge/{name}.npy").astype(float),
            "semseg": semseg - 1,
            "normals": np.load(root / f"normals/{name}.npy"),
            "depth": np.load(root / f"depth/{name}.npy"),
        }

    return read


def plain_pascal(dataset: Any) -> Callable[[int], dict[str, np.ndarray]]:
    """Return a reader of PASCAL-MT: our own, as the peers decode the same files, with their types."""

    def read(index: int) -> dict[str, np.ndarray]:
        sample = dataset[index]
        return {
            part: array.astype(float)
            for part, array in {"image": sample["image"], **sample["labels"]}.items()
        }

    return read


def release(code: Path, root: Path) -> Make:
    """Return the loader of MTLoRA's release on NYUD-MT; what it imports and does not use here is empty."""
    from mtlbench.engine.compat import import_torchvision

    import_torchvision()

    class Attributes(dict):
        __getattr__ = dict.__getitem__

        def __setitem__(self, key: str, value: Any) -> None:
            super().__setitem__(key, Attributes(value) if type(value) is dict else value)

        __setattr__ = __setitem__

    empty: dict[str, dict[str, Any]] = {
        "utils": {"mkdir_if_missing": None},
        "easydict": {"EasyDict": Attributes},
        "skimage": {},
        "skimage.morphology": {"thin": None},
        "data": {"__path__": [str(code / "data")]},  # not its __init__, which imports what training needs
    }
    for name, content in empty.items():
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(content)
    from data import mtl_ds  # type: ignore[import-not-found]

    tasks = list(KINDS["nyud"])
    config, _ = mtl_ds.get_tasks_config("NYUD", tasks, SIZE[0])
    transforms, _ = mtl_ds.get_transformations("NYUD", config)
    where = SimpleNamespace(DATA=SimpleNamespace(DATA_PATH=str(root)), TASKS=tasks)
    dataset = mtl_ds.get_mtl_train_dataset("NYUD", where, transforms)
    return lambda epoch, batch: mtl_ds.collate_mil([dataset[index] for index in batch])


def measure(makers: dict[str, Make], epoch: int, batches: list[list[int]]) -> Iterator[tuple[str, float]]:
    """Yield who made a batch, and the CPU seconds per sample, everybody in turn."""
    for batch in batches:
        for who, make in makers.items():
            began = time.process_time()
            make(epoch, batch)
            yield who, (time.process_time() - began) / len(batch)


def main() -> None:
    """Measure the loaders of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", choices=TRANSFORMS)
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--size", type=int, nargs=2, default=(480, 640), metavar=("H", "W"))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=4, help="fresh caches to fill, three epochs each")
    parser.add_argument("--release", type=Path, help="folder of MTLoRA's release")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    logging.getLogger("mtlbench").addHandler(logging.StreamHandler())
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder) / "files", Path(folder) / "cache"
        os.environ["MTLBENCH_CACHE"] = str(cache)
        catalog, tasks = Catalog.load(), tuple(KINDS[args.dataset])
        catalog.resolve("dataset", "synthrooms").write_layout(
            args.dataset, root, args.images, 1, tuple(args.size)
        )
        dataset = catalog.resolve("dataset", args.dataset)("train", tasks, root=root)
        read = plain_nyud(root, dataset.ids) if args.dataset == "nyud" else plain_pascal(dataset)
        others = {"files": ours(dataset, args.dataset), "peers": peers(read, args.dataset)}
        if args.release:
            others["release"] = release(args.release, root)
        order = np.arange(args.images - args.images % args.batch).reshape(-1, args.batch).tolist()
        list(measure({**others, "ours": ours(dataset, args.dataset)}, 0, order[:2]))  # to warm up
        for _ in range(args.rounds):
            shutil.rmtree(cache, ignore_errors=True)
            run = open_decoded(dataset, tasks)
            worker = copy.deepcopy(run)  # of the same run, but not the one that wrote
            epochs = {
                "first epoch": lambda run=run: run,
                "second epoch": lambda worker=worker: worker,
                "another run": lambda: open_decoded(dataset, tasks),
            }
            for epoch, (name, opened) in enumerate(epochs.items()):
                for who, spent in measure({name: ours(opened(), args.dataset), **others}, epoch, order):
                    seconds.setdefault(who, []).append(spent)
    medians = {who: statistics.median(spent) for who, spent in seconds.items()}
    print(f"{'':20}{'samples/s':>10}{'ms':>8}{'x peers':>9}" + (f"{'x release':>11}" if args.release else ""))
    for who, median in medians.items():
        ratios = [medians[other] / median for other in ("peers", "release") if other in medians]
        print(
            f"{who:20}{1 / median:10.1f}{1e3 * median:8.2f}{ratios[0]:9.2f}"
            + "".join(f"{r:11.2f}" for r in ratios[1:])
        )


if __name__ == "__main__":
    main()
