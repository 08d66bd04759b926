from __future__ import annotations

import pytest

PAPERS = """
schema_version = 1

[sources.one]
title = "One | <b>paper</b>"
where = "CVPR 2030"
url = "https://example.org/1"

[[tables]]
title = "Table"
metrics = [
    { task = "semseg", metric = "mIoU", unit = "%", higher_is_better = true, digits = 2 },
    { task = "depth", metric = "rmse", unit = "m", higher_is_better = false, digits = 2 },
]

[[tables.rows]]
method = "single"
source = "one"
values = { semseg = 50.0, depth = 0.50 }

[[tables.rows]]
method = "right"
source = "one"
values = { semseg = 55.0, depth = 0.45 }
delta = 10.0
reference = "single"
parameters = 3.4

[[tables.rows]]
method = "wrong <script>"
source = "one"
values = { semseg = 55.0, depth = 0.45 }
delta = 12.0
reference = "single"
"""


@pytest.fixture
def papers() -> str:
    """Return a papers.toml of one table: a reference, a row whose Δm is right, and one whose Δm is not."""
    return PAPERS
