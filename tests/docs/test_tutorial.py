"""Do what docs/tutorial.md says, in its order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mtlbench.results.provenance import checkout

TUTORIAL = Path(__file__).parents[2] / "docs/tutorial.md"
STEP = re.compile(
    r"^`(?P<path>[\w./-]+)`[^\n]*:\n\n```\w+\n(?P<text>.*?)^```|(?P<commands>(?:^ {4}(?! )[^\n]*\n)+)",
    re.MULTILINE | re.DOTALL,
)
#: what stands for an installation that can be edited, which would need the environment of the tests
PIP = """
pip() {
    python -m pip install -q --no-deps --no-index --no-build-isolation --target "$SITE" "./${3%[*}"
}
set -e
"""


def steps() -> list[re.Match[str]]:
    """Return files to write and commands to run; fenced code is taken before its lines are read."""
    return [*STEP.finditer(TUTORIAL.read_text(encoding="utf-8"))]


def test_every_block_of_the_tutorial_is_a_step():
    text = TUTORIAL.read_text(encoding="utf-8")
    assert text.count("```") == 2 * sum(step["path"] is not None for step in steps())
    commands = "".join(step["commands"] or "" for step in steps())
    for name in ("doctor", "new", "list", "params", "sweep", "report", "board submit", "compare"):
        assert f"mtlbench {name}" in commands


@pytest.mark.slow
def test_the_tutorial_ends_with_a_method_on_a_board(tmp_path):
    site, here = tmp_path / "site", tmp_path / "here"
    here.mkdir()
    programs = str(Path(sys.executable).parent)
    env = {
        **os.environ,
        "SITE": str(site),
        "PATH": os.pathsep.join([programs, os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")])),
    }
    dirty, said = checkout()[1], ""
    for step in steps():
        if step["path"]:
            path = here / step["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step["text"].replace("iterations=24", "iterations=2"))
            if path.suffix == ".py" and path.parts[-2] == "my_scale":  # what an editable installation sees
                (site / "my_scale" / path.name).write_text(step["text"])
        elif "PATH" not in step["commands"]:
            if dirty and "board submit" in step["commands"]:
                pytest.skip("a board takes no record of changed code: commit first")
            command = ["bash", "-c", PIP + step["commands"]]
            done = subprocess.run(command, cwd=here, env=env, capture_output=True, text=True)
            assert done.returncode == 0, f"{step['commands']}\n{done.stdout}{done.stderr}"
            said += done.stdout
    assert re.search(r"\d+ passed", said)
    page = (here / "boards/tiny-rooms/README.md").read_text(encoding="utf-8")
    ranking = page[page.index("## Ranking") :]
    assert re.search(r"^\| =?[12] +\| my-scale ", ranking, re.MULTILINE), page
