"""Say what went wrong, and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MtlbenchError(Exception):
    """Tell the user, in a sentence with a next step, what cannot be done.

    Every error that a user can cause derives from this class. The command line prints its text without a
    traceback and exits with code 2.
    """


def printable(text: str) -> str:
    """Return `text` with escapes in place of all that acts on a terminal, hides, or fits into no file.

    Names of files may hold anything: line ends, codes of terminals, marks that turn the reading direction,
    bytes that are no text.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ' Did you mean "x"?' for the closest known word, or nothing when none is close."""
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f' Did you mean "{close[0]}"?' if close else ""
