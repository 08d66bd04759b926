"""Write a board as one HTML page that needs nothing else: no server, no script or font from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

from mtlbench.boards.aggregate import Standing
from mtlbench.boards.page.data import page_data
from mtlbench.boards.papers import Papers

HERE = Path(__file__).parent


def page(standing: Standing, papers: Papers | None) -> bytes:
    """Return the page of a board; the same records give the same bytes.

    Everything that strangers wrote is data: it lies in the page as JSON in which no tag can end, and the
    script puts it in place as text. A content security policy lets nothing run but that one script.
    """
    script, style = (_read(name) for name in ("page.js", "page.css"))
    parts = {
        "TITLE": html.escape(standing.board.title),
        "POLICY": f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'",
        "STYLE": style,
        "SCRIPT": script,
        "DATA": _inert(page_data(standing, papers)),
    }
    # in one pass, so that nothing is filled in where a title only looks like a place to fill
    return re.sub(r"\[\[(\w+)\]\]", lambda found: parts[found[1]], _read("page.html")).encode()


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8").strip()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _inert(data: dict[str, Any]) -> str:
    """Return JSON without a character that HTML could take for a tag, a comment or the end of the script."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
