"""Define what ``board.toml`` may say, and find boards by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from mtlbench.boards.errors import BadBoard
from mtlbench.boards.toml import read_toml
from mtlbench.results.fields import Label, Lines, One, Quantity, Seed, Sha256, Slug, Strict, Text, Unit

LEADERBOARDS = Path("leaderboards")
#: share of a published value, where a board names no tolerance: about the spread over seeds
TOLERANCE = 0.05
ConfigPath = Annotated[
    str, StringConstraints(max_length=200, pattern=r"^configs(/[a-z0-9][a-z0-9_-]*)+\.py$")
]
CostAxis = Literal["trainable", "adapter", "peak", "final", "macs", "step_time_ms", "peak_memory_mb"]


class BoardTask(Strict):
    """Name one column: a task, its primary metric, and the method that is its single-task reference.

    `tolerance` is what a run that is made again may differ by, in the metric's unit; None allows `TOLERANCE`
    of the published value.
    """

    name: Slug
    metric: Label
    unit: Unit
    higher_is_better: bool
    reference: Slug
    tolerance: Quantity | None = None

    def allowed(self, published: float) -> float:
        """Return what a run that is made again may differ by from a published value."""
        return TOLERANCE * abs(published) if self.tolerance is None else self.tolerance

    @property
    def arrow(self) -> str:
        """Return the arrow that tables print beside the metric."""
        return "↑" if self.higher_is_better else "↓"

    @property
    def title(self) -> str:
        """Return the column's title, such as ``semseg mIoU ↑ (%)``."""
        return f"{self.name} {self.metric} {self.arrow}" + (f" ({self.unit})" if self.unit else "")


class Frozen(Strict):
    """Hold what all records of a board share: protocol, pretrained weights, data."""

    protocol_hash: Sha256
    weights: Text | None = None
    data: dict[Slug, Text]


class Board(Strict):
    """Hold a board's protocol: tasks in the order of their columns, seeds, references, configs.

    While `frozen` is absent, the first record decides it. `free` names parts of the protocol that its methods
    choose, because the board compares them.
    """

    schema_version: One
    name: Slug
    title: Text
    description: Annotated[Lines, Field(max_length=4000)]
    seeds: Annotated[list[Seed], Field(min_length=3, max_length=100)]
    cost_axis: CostAxis = "trainable"
    free: Annotated[list[Literal["label_protocol"]], Field(default_factory=list, max_length=1)]
    configs: Annotated[list[ConfigPath], Field(min_length=1, max_length=1000)]
    tasks: Annotated[list[BoardTask], Field(min_length=1, max_length=30)]
    frozen: Frozen | None = None

    @model_validator(mode="after")
    def _distinct(self) -> Board:
        tasks, references = [task.name for task in self.tasks], [task.reference for task in self.tasks]
        for what, values in (("seeds", self.seeds), ("tasks", tasks), ("references", references)):
            if len({*values}) < len(values):
                raise ValueError(f"{what} must be distinct")
        return self

    @property
    def references(self) -> dict[str, str]:
        """Return, per task, the name of the method that is its single-task reference."""
        return {task.name: task.reference for task in self.tasks}


def find_board(name: str, leaderboards: Path = LEADERBOARDS) -> Path:
    """Return the folder of a board that is given by its path or by its name below `leaderboards`.

    Raises:
        BadBoard: there is no such board.
    """
    if (Path(name) / "board.toml").is_file():
        return Path(name)
    try:
        folder = Path(leaderboards) / TypeAdapter(Slug).validate_python(name)
    except ValidationError:
        folder = None
    if folder is None or not (folder / "board.toml").is_file():
        known = sorted(path.parent.name for path in Path(leaderboards).glob("*/board.toml"))
        raise BadBoard(
            f'There is no board "{name}" in {leaderboards}, which holds: {", ".join(known) or "none"}. '
            "Pass the path of a folder with a board.toml, or --leaderboards."
        )
    return folder


def load_board(folder: Path) -> Board:
    """Read ``<folder>/board.toml``.

    Raises:
        BadBoard: the file is missing, a link, not TOML, breaks the schema, or names another board than its
            folder.
    """
    path = Path(folder) / "board.toml"
    board = read_toml(path, Board)
    if board.name != path.resolve().parent.name:
        raise BadBoard(
            f'{path} names the board "{board.name}", but a board has its folder\'s name. Rename one.'
        )
    return board
