"""Whatever strangers write is a record, a board, a manifest, an override - or one error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtlbench.boards.board import load_board
from mtlbench.boards.papers import load_papers
from mtlbench.data.manifest import load_manifest
from mtlbench.engine.config import load_experiment
from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Adapter
from mtlbench.results.store import load_record, load_verification, record_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
MANY = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
READERS = {"record": load_record, "verification": load_verification, "manifest": load_manifest}


def paths(value, place=()):
    """Yield the place of everything inside plain JSON."""
    yield place
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from paths(child, (*place, key))


def replaced(value, place, new):
    """Return plain JSON with something else at a place."""
    if not place:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = replaced(value[place[0]], place[1:], new)
    return copy


@pytest.mark.parametrize("kind", READERS)
@given(
    content=st.binary(max_size=400)
    | st.text(max_size=200).map(str.encode)
    | VALUES.map(lambda v: json.dumps(v).encode())
)
@MANY
def test_files_of_anything_are_read_or_refused(tmp_path, kind, content):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(MtlbenchError):
        READERS[kind](path)


@given(data=st.data())
@MANY
def test_records_with_anything_anywhere_are_read_or_refused(tmp_path, make_record, data):
    record = json.loads(record_text(make_record()))
    place = data.draw(st.sampled_from([place for place in paths(record) if place]))
    path = tmp_path / "file.json"
    path.write_text(json.dumps(replaced(record, place, data.draw(VALUES))))
    try:
        assert load_record(path).run_id.startswith("lora-")
    except MtlbenchError as error:
        assert len(str(error)) < 1000


@given(content=st.text(max_size=300))
@MANY
def test_boards_of_anything_are_read_or_refused(tmp_path, content):
    (tmp_path / "board.toml").write_text(content, encoding="utf-8", newline="")
    (tmp_path / "papers.toml").write_text(content, encoding="utf-8", newline="")
    for read in (load_board, load_papers):
        with pytest.raises(MtlbenchError):
            read(tmp_path)


@given(
    option=st.text(max_size=60)
    | st.builds(
        "{}={}".format,
        st.sampled_from(
            ["adapter.rank", "tasks.depth", "schedule", "+x", "only", "balancer.0", "dataset.size"]
        ),
        st.text(max_size=30),
    )
)
@MANY
def test_overrides_of_anything_are_taken_or_refused(tiny_config, tmp_path, option):
    config = tiny_config()
    before = sorted(tmp_path.iterdir())
    try:
        load_experiment(config, [option])
    except MtlbenchError as error:
        assert str(error)
    assert sorted(tmp_path.iterdir()) == before


@given(name=st.text(max_size=30), target=st.text(max_size=30), summary=st.text(max_size=30))
@MANY
def test_plugin_records_of_anything_are_taken_or_refused(name, target, summary):
    try:
        record = Adapter(name=name, target=target, summary=summary)
    except MtlbenchError:
        return
    assert "/" not in record.name and record.name == Path(record.name).name
