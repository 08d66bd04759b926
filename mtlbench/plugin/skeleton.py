"""Write the distribution that a new plugin starts from."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from mtlbench import __version__
from mtlbench.errors import MtlbenchError
from mtlbench.plugin.records import KINDS

TEMPLATES = Path(__file__).parents[1] / "templates"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
SUMMARIES = {
    "task": "Depth by its logarithm: L1, mean absolute error of the logarithm.",
    "dataset": "Images of one disc, with classes and distance.",
    "backbone": "A small hierarchical transformer, not pretrained.",
    "adapter": "A low-rank update of every attention projection.",
    "decoder": "A linear head per task on the sum of four levels.",
    "balancer": "Weights that bring all losses to one size.",
    "label_protocol": "All labels of a share of the images.",
    "learner": "Agreement with the mirrored image where labels are missing.",
}
#: what the config names where the new component does not stand
PARTS = {
    "tasks": '{"semseg": dict(type="semseg", classes=14), "depth": dict(type="depth")}',
    "dataset": 'dict(type="synthrooms", size=(96, 128), train_rooms=128, val_rooms=32)',
    "label_protocol": 'dict(type="full")',
    "learner": 'dict(type="masked")',
    "backbone": 'dict(type="rooms-swin")',
    "adapter": 'dict(type="lora", rank=4)',
    "decoder": 'dict(type="hrnet", neck_channels=(8, 16, 24, 32))',
    "balancer": 'dict(type="equal")',
}
#: what a kind needs beside it to show what it does
COMPANIONS = {
    "dataset": {"tasks": '{"semseg": dict(type="semseg", classes=2), "depth": dict(type="depth")}'},
    "backbone": {"adapter": 'dict(type="full")'},
    "learner": {"label_protocol": 'dict(type="one-label", tasks=("semseg", "depth"))'},
    "label_protocol": {},
}


class SkeletonError(MtlbenchError):
    """Say why a plugin cannot be written, and what to do."""


@dataclass(frozen=True)
class Names:
    """Derive every name of a new distribution from its kind and its own name.

    Raises:
        SkeletonError: the name serves no package or component.
    """

    kind: str
    name: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or keyword.iskeyword(self.package) or len(self.name) > 60:
            raise SkeletonError(
                f"{self.name!r} cannot name a package and a component; write lowercase words joined by "
                "hyphens, such as my-lora."
            )
        if self.package.split("_")[0] == "mtlbench":
            raise SkeletonError("Names that begin with mtlbench are those of the bench itself; take another.")

    @property
    def package(self) -> str:
        """Return the package's name."""
        return self.name.replace("-", "_")

    def values(self) -> dict[str, str]:
        """Return what the templates call by name."""
        title = self.kind.replace("_", " ")
        article = "an" if title[0] in "aeiou" else "a"
        own = f'dict(type="{self.name}")'
        parts = PARTS | COMPANIONS.get(self.kind, {})
        if self.kind == "task":
            parts["tasks"] = f'{{"semseg": dict(type="semseg", classes=14), "depth": {own}}}'
        else:
            parts[self.kind] = own
        return {
            "name": self.name,
            "package": self.package,
            "Class": "".join(word.capitalize() for word in self.name.split("-")),
            "kind": self.kind,
            "title": title,
            "article": article.capitalize(),
            "module": self.kind,
            "hook": f"mtlbench_{self.kind}s",
            "Record": KINDS[self.kind].__name__,
            "summary": SUMMARIES[self.kind],
            "version": __version__,
            **parts,
        }


def write_skeleton(kind: str, name: str, into: Path) -> list[Path]:
    """Write the folder `into`/`name` and return its files, in the order in which they are read best.

    Args:
        kind: of the component.
        name: of the distribution and of the component.
        into: the folder that will hold it.

    Raises:
        SkeletonError: the name is none, or the folder exists.
    """
    names = Names(kind, name)
    root, package = Path(into) / name, names.package
    places = {
        f"kinds/{kind}/method.py": f"{package}/{kind}.py",
        "distribution/hooks.py": f"{package}/__init__.py",
        f"kinds/{kind}/test.py": f"tests/test_{kind}.py",
        "distribution/config.py": f"configs/{package}_synthrooms.py",
        "distribution/pyproject.toml": "pyproject.toml",
        "distribution/README.md": "README.md",
        "distribution/ci.yml": ".github/workflows/tests.yml",
        "distribution/gitignore": ".gitignore",
    }
    try:
        root.mkdir(parents=True)
    except FileExistsError as error:
        raise SkeletonError(f"{root} exists. Choose another name, or another folder with --into.") from error
    except OSError as error:
        raise SkeletonError(
            f"{root} cannot be written: {error.strerror}. Choose another with --into."
        ) from error
    written = []
    for source, target in places.items():
        text = (TEMPLATES / f"{source}.tmpl").read_text(encoding="utf-8")
        for key, value in names.values().items():
            text = text.replace("{{" + key + "}}", value)
        path = root / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written
