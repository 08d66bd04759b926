from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_costs_on_the_page_are_what_the_script_works_out():
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/grid_cost.py")], capture_output=True, text=True, check=True
    )
    page = (ROOT / "docs/scale.md").read_text(encoding="utf-8")
    tables = done.stdout.strip().split("\n\n")
    assert len(tables) == 2 and all(table in page for table in tables)
