"""Write rooms to disk in the layouts of real datasets, so that their readers run on real files.

Every module of this package is one layout: `mtan_nyuv2.py` is the layout `mtan-nyuv2`. It offers
`write(root, rooms, size)`, with arguments as those of `write_layout`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from mtlbench.errors import MtlbenchError, did_you_mean

LAYOUTS = tuple(sorted(module.name.replace("_", "-") for module in iter_modules(__path__)))


def write_layout(layout: str, root: Path, rooms: Mapping[str, int], size: tuple[int, int]) -> None:
    """Write `rooms` (split -> number) of `size` (H, W) as files of `layout` below `root`.

    Raises:
        MtlbenchError: there is no such layout, or `root` holds something.
    """
    if layout not in LAYOUTS:
        raise MtlbenchError(
            f"synthrooms cannot write the layout {layout!r}.{did_you_mean(layout, LAYOUTS)} "
            f"Choose from: {', '.join(LAYOUTS)}."
        )
    if root.exists() and any(root.iterdir()):
        raise MtlbenchError(
            f"{root} is not empty; remove it or name another folder, so that nothing is mixed."
        )
    import_module(f".{layout.replace('-', '_')}", __package__).write(root, rooms, size)
