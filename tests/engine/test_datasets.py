from __future__ import annotations

from itertools import islice
from pathlib import Path

from mtlbench.contracts.dataset import Dataset
from mtlbench.data.decoded import Decoded
from mtlbench.engine.config import Experiment, load_experiment
from mtlbench.engine.datasets import open_datasets, train_loader
from mtlbench.engine.registries import register
from mtlbench.plugin import Catalog

NYUD = Path(__file__).parents[2] / "configs/_base_/datasets/nyud.py"
KINDS = {"semseg": "classes", "depth": "scalar", "normals": "vector", "edge": "classes"}


def batches(experiment: Experiment, dataset: Dataset) -> list[list[object]]:
    """Return what three epochs hold, as bytes."""
    loader, steps = train_loader(experiment, dataset, KINDS, seed=0, start=0)
    tensors = [[batch["inputs"], *batch["labels"].values()] for batch in islice(loader, 3 * steps)]
    return [[(tensor.dtype, tensor.shape, tensor.numpy().tobytes()) for tensor in batch] for batch in tensors]


def test_a_run_sees_the_same_with_and_without_decoded_samples(tiny_config, tmp_path, monkeypatch):
    monkeypatch.setenv("MTLBENCH_CACHE", str(tmp_path / "cache"))
    catalog, root = Catalog.load(), tmp_path / "files"
    catalog.resolve("dataset", "synthrooms").write_layout("nyud", root, 4, 1, (24, 32))
    config = tiny_config(NYUD.read_text(), "demo = {}")
    experiment = load_experiment(
        config, values={"+dataset.root": str(root), "train_transforms.2.size": (20, 20)}
    )
    register(experiment, catalog)

    kept = open_datasets(experiment, catalog)
    monkeypatch.setenv("MTLBENCH_DECODED", "off")
    direct = open_datasets(experiment, catalog)
    assert [isinstance(dataset, Decoded) for dataset in (*kept, *direct)] == [True, True, False, False]
    assert [dataset.fingerprint() for dataset in kept] == [dataset.fingerprint() for dataset in direct]
    assert batches(experiment, kept[0]) == batches(experiment, direct[0])
