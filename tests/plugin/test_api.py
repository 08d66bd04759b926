"""Hold the versions of the hooks to what docs/plugins/index.md promises."""

from __future__ import annotations

import pluggy
import pytest
from click.testing import CliRunner

from mtlbench.cli import main
from mtlbench.plugin import API_VERSION, KINDS, Catalog, hookspecs, load_plugins
from mtlbench.plugin.doctor import examine
from mtlbench.plugin.hookspecs import HookDeprecation

#: a plugin of version 1.0; never edit it: what breaks it breaks every plugin of its time
OLDEST = """
    from mtlbench.plugin import (
        Adapter, Backbone, Balancer, Dataset, Decoder, LabelProtocol, Learner, Task, hookimpl
    )

    @hookimpl
    def mtlbench_tasks():
        return [Task(name="old-task", target="old.task:Old", summary="Old.")]

    @hookimpl
    def mtlbench_datasets():
        return (Dataset(name="old-dataset", target="old.dataset:Old", summary="Old."),)

    @hookimpl
    def mtlbench_backbones():
        yield Backbone(name="old-backbone", target="old.backbone:Old", summary="Old.", reference="A paper")

    @hookimpl
    def mtlbench_adapters():
        return [Adapter(name="old.adapter_1", target="old.adapter:Old", summary="Old.", requires="extra")]

    @hookimpl
    def mtlbench_decoders():
        return [Decoder(name="old-decoder", target="old.decoder:Old.Inner", summary="Old.")]

    @hookimpl
    def mtlbench_balancers():
        return [Balancer(name="old-balancer", target="old.balancer:Old", summary="Old.")]

    @hookimpl
    def mtlbench_label_protocols():
        return [LabelProtocol(name="old-labels", target="old.labels:Old", summary="Old.")]

    @hookimpl
    def mtlbench_learners():
        return [Learner(name="old-learner", target="old.learner:Old", summary="Old.")]
"""


def test_the_oldest_plugin_still_loads(install):
    (loaded,), failed = load_plugins(install("old-one", "1.0", {"old": "old_one"}, old_one=OLDEST))
    assert not failed and API_VERSION.startswith("1.")
    assert {record.kind for record in loaded.records} == {*KINDS}
    assert loaded.deprecations == ()


@pytest.fixture
def deprecated(monkeypatch):
    """Let the hook of adapters be one that is going away."""
    marker = pluggy.HookspecMarker("mtlbench")

    def mtlbench_adapters():
        """Return records."""

    old = marker(warn_on_impl=HookDeprecation("mtlbench_adapters goes in 2.0;\n use something else."))
    monkeypatch.setattr(hookspecs, "mtlbench_adapters", old(mtlbench_adapters))


def test_what_goes_away_is_shown_and_still_works(install, deprecated, monkeypatch):
    (loaded,), _ = load_plugins(install("old-one", "1.0", {"old": "old_one"}, old_one=OLDEST))
    text = "mtlbench_adapters goes in 2.0; use something else."
    assert loaded.deprecations == (text,) and len(loaded.records) == len(KINDS)
    catalog = Catalog([loaded])
    notes = [finding for finding in examine(catalog, torch=False) if finding.what == "plugin old"]
    assert notes[0].found == text and "upgrade old-one 1.0" in notes[0].cure
    monkeypatch.setattr(Catalog, "load", classmethod(lambda cls: catalog))
    assert f"DEPRECATED: {text}" in CliRunner().invoke(main, ["plugins"]).output


def test_other_warnings_of_a_plugin_are_passed_on(install):
    source = "import warnings\nwarnings.warn('mind the gap')\n" + "\n".join(
        line.removeprefix("    ") for line in OLDEST.splitlines()
    )
    with pytest.warns(UserWarning, match="mind the gap"):
        load_plugins(install("old-one", "1.0", {"old": "old_one"}, old_one=source))
