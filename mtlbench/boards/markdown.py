"""Put text that strangers wrote into markdown, so that it stays text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from tabulate import tabulate

_SPECIAL = re.compile(r"([\\`*_\[\]#|~!$]|(?<=\b[Ww][Ww][Ww])\.|:(?=//))")

_LEADING = re.compile(r"^(\d*)([-+=.)])(?=[ =-]|$)")  # at the start of a line: lists and rules


def escape(text: str) -> str:
    """Return `text` on one line, with nothing left that markdown, HTML or autolinks would act on."""
    return _LEADING.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False)))


def code(text: str) -> str:
    """Return `text` on one line as a code span, in which nothing is acted on, not even in a table."""
    inert = " ".join(text.split()).replace("`", "'").replace("|", "/")
    return f"`{inert}`"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Return a pipe table of ready cells, with the first `left` columns aligned left and the others right."""
    align = ["left"] * left + ["right"] * (len(headers) - left)
    return tabulate([*rows], headers=headers, tablefmt="pipe", colalign=align, disable_numparse=True)
