"""Fetch, make, check and show datasets, convert pickles, draw labels."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog

if TYPE_CHECKING:
    from mtlbench.data.manifest import Manifest

_ROOT = click.option("--root", type=click.Path(path_type=Path), help="Folder of the dataset.")


class _Size(click.ParamType):
    name = "HxW"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", value)
        if match is None:
            self.fail(f"{value!r} is not height x width in pixels, such as 480x640.", param, ctx)
        return int(match[1]), int(match[2])


@click.group()
def data() -> None:
    """Fetch, make, check and show datasets, convert pickles, draw labels.

    Example: mtlbench data show synthrooms
    """


@data.command()
@click.argument("name")
@_ROOT
@click.option("--accept-licence", is_flag=True, help="Accept the terms that the command shows without it.")
def get(name: str, root: Path | None, accept_licence: bool) -> None:
    """Download the dataset NAME.

    An interrupted download goes on where it stopped when the command is run again.

    Example: mtlbench data get nyud --accept-licence
    """
    download = _offer(name, "download", "is not downloaded; it needs no `data get`")
    click.echo(f"{name} is ready in {download(root, accept_licence)}")


@data.command()
@click.option("--layout", required=True, help="Whose files to imitate, such as nyud.")
@click.option("--root", type=click.Path(path_type=Path), required=True, help="Folder to create.")
@click.option("--train", type=click.IntRange(min=1), default=16, show_default=True, help="Training images.")
@click.option("--val", type=click.IntRange(min=1), default=8, show_default=True, help="Validation images.")
@click.option(
    "--size", type=_Size(), default="480x640", show_default=True, help="Height and width in pixels."
)
def make(layout: str, root: Path, train: int, val: int, size: tuple[int, int]) -> None:
    """Write rendered rooms as the files of a real dataset.

    The reader of that dataset then runs without its download.

    Example: mtlbench data make --layout nyud --root data/demo --size 96x128
    """
    write_layout = _offer("synthrooms", "write_layout", "cannot write layouts")
    write_layout(layout, root, train=train, val=val, size=size)
    click.echo(f"{root} holds {train} + {val} rooms in the layout {layout}")


@data.command()
@click.argument("name")
@_ROOT
def check(name: str, root: Path | None) -> None:
    """Read every file of the dataset NAME and report on it.

    Example: mtlbench data check nyud --root data/NYUD_MT
    """
    for line in _offer(name, "check", "has no files of its own to check")(root):
        click.echo(line)


@data.command()
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="PNG to write [NAME-SPLIT.png].")
@click.option(
    "--n", "count", type=click.IntRange(min=1), default=8, show_default=True, help="Images to show."
)
@click.option("--split", default="val", show_default=True, help="Split to show.")
@_ROOT
def show(name: str, out: Path | None, count: int, split: str, root: Path | None) -> None:
    """Draw images of the dataset NAME with all their labels as one PNG.

    Example: mtlbench data show synthrooms --n 4 --out rooms.png
    """
    from mtlbench.data.contact_sheet import contact_sheet

    catalog = Catalog.load()
    kind: Any = catalog.resolve("dataset", name)
    if root is not None and "root" not in inspect.signature(kind).parameters:
        raise MtlbenchError(f"{name} has no files of its own; leave out --root.")
    tasks = {}
    for task, options in kind.task_options.items():
        build = catalog.resolve("task", options.get("type", task))
        tasks[task] = build(**{key: value for key, value in options.items() if key != "type"})
    dataset = kind(split, tuple(tasks), **({} if root is None else {"root": root}))
    out = out or Path(f"{name}-{split}.png")
    contact_sheet([dataset[index] for index in range(min(count, len(dataset)))], tasks).save(out)
    click.echo(f"{out} shows {min(count, len(dataset))} of {len(dataset)} images")


@data.command()
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("destination", type=click.Path(path_type=Path, dir_okay=False))
def convert(source: Path, destination: Path) -> None:
    """Turn the pickle SOURCE into the safe file DESTINATION.

    SOURCE is a pickle, a .npy file of objects, or what torch saved. It is not executed, and refused if it
    holds more than arrays, tensors, dicts, lists, strings and numbers. The ending of DESTINATION chooses the
    format: .json for anything, .npy for one array, .npz for a dict of arrays.

    Example: mtlbench data convert onelabel.pth onelabel.json
    """
    from mtlbench.data.pickles import convert as convert_pickle

    click.echo(f"{destination} holds {convert_pickle(source, destination)}")


@data.command()
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Manifest to write.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the run.")
@click.option("--data-root", type=click.Path(path_type=Path), help="Where the config's dataset lies.")
@click.option("--cfg-options", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the config.")
@click.option("--tasks", "columns", default="", metavar="A,B", help="Tasks of a published matrix's columns.")
@click.option("--rename", multiple=True, metavar="OLD=NEW", help="Change the name of a published task.")
def labels(
    source: Path,
    save: Path | None,
    seed: int,
    data_root: Path | None,
    overrides: tuple[str, ...],
    columns: str,
    rename: tuple[str, ...],
) -> None:
    """Draw, import or inspect visible labels.

    SOURCE is a config (.py), whose label protocol draws for its training split; a manifest; or a list that
    others published. Counts the images per task and per number of labels, and prints the hash.

    Example: mtlbench data labels configs/lora_one_label_synthrooms.py --save one-label.json
    """
    from mtlbench.data.manifest import counts_table

    if source.suffix == ".py":
        manifest = _drawn(source, seed, data_root, overrides)
    else:
        manifest = _read(source, columns, rename)
    click.echo(counts_table(manifest))
    if save is not None:
        manifest.save(save)
        click.echo(f"saved   {save}")


def _drawn(config: Path, seed: int, root: Path | None, overrides: tuple[str, ...]) -> Manifest:
    from mtlbench.engine.config import load_experiment
    from mtlbench.engine.datasets import open_datasets
    from mtlbench.engine.labels import labels_of

    values = {} if root is None else {"+dataset.root": str(root)}
    experiment, catalog = load_experiment(config, overrides, values), Catalog.load()
    return labels_of(experiment, open_datasets(experiment, catalog)[0], catalog, seed)


def _read(path: Path, columns: str, rename: tuple[str, ...]) -> Manifest:
    from mtlbench.data.manifest import is_manifest, load_manifest
    from mtlbench.data.published_labels import import_labels

    names = dict(pair.partition("=")[::2] for pair in rename)
    if not all(names.values()):
        raise MtlbenchError(f"--rename takes OLD=NEW, such as sal=saliency, and not {' '.join(rename)!r}.")
    if is_manifest(path) and not names:
        return load_manifest(path)
    return import_labels(path, [name for name in columns.split(",") if name], names)


def _offer(name: str, method: str, lacking: str) -> Any:
    """Return what the dataset's class offers beyond its contract."""
    kind = Catalog.load().resolve("dataset", name)
    if not hasattr(kind, method):
        raise MtlbenchError(f"{name} {lacking}. To see what it holds, run `mtlbench data show {name}`.")
    return getattr(kind, method)
