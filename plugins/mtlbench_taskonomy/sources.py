"""Say how to get Taskonomy and under which terms."""

from __future__ import annotations

from pathlib import Path

from mtlbench.data.errors import DownloadError
from mtlbench.data.install import require_acceptance

from .buildings import LISTS

LICENCE = """Taskonomy Dataset End User License Agreement, revision of October 21, 2021
(https://github.com/StanfordVL/taskonomy/blob/master/data/LICENSE). In short: for research and education that
are non-commercial or not for profit; no redistribution, in whole or in part; new access only through the
official way of distribution; a reference to the dataset in what you publish; the terms of Gibson and
2D-3D-S are part of it. mtlbench ships none of it."""

DOMAINS = "rgb segment_semantic depth_zbuffer normal keypoints2d edge_texture"


def explain(root: Path, accept_licence: bool) -> None:
    """Name the official way to the files, which mtlbench must not go around: it registers who asks.

    Raises:
        LicenceNotAccepted: `accept_licence` is false.
        DownloadError: otherwise, with the commands to run.
    """
    require_acceptance(LICENCE, accept_licence)
    raise DownloadError(
        f"""Taskonomy is handed out by its own tool, which registers your name and email address. Run

    pip install omnidata-tools    # in another environment; it needs the program aria2
    omnitools.download {DOMAINS} \\
        --components taskonomy --subset tiny --dest {root} --name NAME --email EMAIL --agree_all

and for a subset other than tiny unpack {LISTS} in {root}. The tool leaves out some buildings of the lists
(woodbine of tiny); say so in the config's dataset: without=("woodbine",)."""
    )
