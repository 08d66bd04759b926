from __future__ import annotations

import re
from pathlib import Path

from mtlbench.boards.board import load_board
from mtlbench.results.schema import Record

DOCS = Path(__file__).parents[2] / "docs"


def test_the_board_on_the_page_is_valid(tmp_path):
    (source,) = re.findall(
        r"```toml\n(.*?)```", (DOCS / "protocol.md").read_text(encoding="utf-8"), re.DOTALL
    )
    folder = tmp_path / "toy"
    folder.mkdir()
    (folder / "board.toml").write_text(source, encoding="utf-8")
    assert load_board(folder).frozen.data == {"train": "fingerprint", "val": "fingerprint"}


def test_the_page_of_records_names_every_field():
    page = (DOCS / "records.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [*Record.model_fields]
