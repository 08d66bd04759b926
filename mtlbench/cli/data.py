"""Fetch, make, check and show datasets, convert pickles."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import click

from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog

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
    """Fetch, make, check and show datasets, convert pickles.

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


def _offer(name: str, method: str, lacking: str) -> Any:
    """Return what the dataset's class offers beyond its contract."""
    kind = Catalog.load().resolve("dataset", name)
    if not hasattr(kind, method):
        raise MtlbenchError(f"{name} {lacking}. To see what it holds, run `mtlbench data show {name}`.")
    return getattr(kind, method)
