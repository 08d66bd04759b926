from __future__ import annotations

import pytest

from mtlbench.plugin import Adapter, PluginError, load_plugins
from mtlbench.plugin.loader import installed_entry_points

GOOD = """
    from mtlbench.plugin import Adapter, hookimpl

    @hookimpl
    def mtlbench_adapters():
        return [Adapter(name="good", target="good.adapter:Good", summary="Do good.")]
"""

HEAD = "from mtlbench.plugin import Adapter, Dataset, hookimpl\n"
HOOK = f"{HEAD}@hookimpl\ndef mtlbench_adapters():\n"
ONE = 'Adapter(name="one", target="one:One", summary="Be one.")'

BROKEN = {
    "import fails": ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
    "no python": ("def (", "SyntaxError: invalid syntax"),
    "raises on import": ("raise RuntimeError('no\\n  licence')", "RuntimeError: no licence"),
    "no hooks": (
        "",
        "bad_plugin has no hooks; mark with @hookimpl one of: mtlbench_tasks, mtlbench_datasets",
    ),
    "unmarked": (
        "def mtlbench_adapters(): ...",
        "bad_plugin.mtlbench_adapters is not marked: write @hookimpl above",
    ),
    "misspelt": (
        HOOK.replace("adapters", "adaptors") + "    return []",
        'there is no hook "mtlbench_adaptors". Did you mean "mtlbench_adapters"? Hooks: mtlbench_tasks, ',
    ),
    "argument": (
        HOOK.replace("()", "(config)") + "    return []",
        "PluginValidationError: Plugin 'bad_plugin'",
    ),
    "raises": (HOOK + "    raise RuntimeError('boom')", "RuntimeError: boom"),
    "raises late": (HOOK + f"    yield {ONE}\n    raise RuntimeError('boom')", "RuntimeError: boom"),
    "nothing": (
        HOOK + "    pass",
        "mtlbench_adapters() must return Adapter records in an iterable; got None.",
    ),
    "no records": (
        HOOK + "    return ['lora']",
        "mtlbench_adapters() must return Adapter records only; got 'lora'.",
    ),
    "wrong kind": (
        HOOK + f"    return [{ONE.replace('Adapter', 'Dataset')}]",
        "mtlbench_adapters() must return Adapter records only; got Dataset(name='one'",
    ),
    "wrong record": (
        HOOK + f"    return [{ONE.replace('one:One', 'one')}]",
        "Adapter(name='one'): target must be",
    ),
    "twice": (HOOK + f"    return [{ONE}, {ONE}]", 'mtlbench_adapters() returns "one" twice; rename one.'),
}


def test_a_good_plugin_keeps_its_origin_and_its_records(install) -> None:
    (plugin,), failed = load_plugins(install("good-dist", "1.2", {"good": "good_plugin"}, good_plugin=GOOD))
    assert (plugin.name, plugin.distribution, plugin.version) == ("good", "good-dist", "1.2")
    assert plugin.module == "good_plugin"
    assert plugin.records == (Adapter(name="good", target="good.adapter:Good", summary="Do good."),)
    assert failed == []


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_kept_with_its_reason_and_stops_nobody(install, case: str) -> None:
    source, reason = BROKEN[case]
    points = install("bad-dist", "0.1", {"bad": "bad_plugin"}, bad_plugin=source)
    points += install("good-dist", "1.2", {"good": "good_plugin"}, good_plugin=GOOD)
    loaded, (failed,) = load_plugins(points)
    assert [plugin.name for plugin in loaded] == ["good"]
    assert str(failed).startswith(f"bad (bad-dist 0.1): {reason}")
    assert "\n" not in failed.reason


@pytest.mark.parametrize("case", BROKEN)
def test_strict_raises_what_broke(install, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    points = install("bad-dist", "0.1", {"bad": "bad_plugin"}, bad_plugin=BROKEN[case][0])
    _, (failed,) = load_plugins(points)
    monkeypatch.setenv("MTLBENCH_STRICT_PLUGINS", "1")
    with pytest.raises(Exception) as caught:
        load_plugins(points)
    assert isinstance(caught.value, PluginError) or failed.reason.startswith(caught.typename)


def test_an_entry_point_must_name_a_module(install) -> None:
    points = install("bad-dist", "0.1", {"bad": "bad_plugin:plugin"}, bad_plugin="plugin = {}")
    _, (failed,) = load_plugins(points)
    assert failed.reason == 'the entry point "bad_plugin:plugin" must name a module; it is a dict.'


def test_a_missing_module_is_a_failure(install) -> None:
    _, (failed,) = load_plugins(install("bad-dist", "0.1", {"bad": "never_written"}))
    assert failed.reason == "ModuleNotFoundError: No module named 'never_written'"


def test_a_hook_may_be_a_generator(install) -> None:
    source = HOOK + f"    yield {ONE}"
    (plugin,), _ = load_plugins(install("gen", "1", {"gen": "gen_plugin"}, gen_plugin=source))
    assert [record.name for record in plugin.records] == ["one"]


def test_an_optional_hook_may_be_unknown_to_this_version(install) -> None:
    source = (
        GOOD + "\n    @hookimpl(optionalhook=True)\n    def mtlbench_somethings_new():\n        return []\n"
    )
    (plugin,), failed = load_plugins(install("new", "9", {"new": "new_plugin"}, new_plugin=source))
    assert [record.name for record in plugin.records] == ["good"]
    assert failed == []


def test_installed_plugins_are_found_through_their_entry_points(install) -> None:
    install("good-dist", "1.2", {"good": "good_plugin"}, good_plugin=GOOD)
    found = {(point.dist.name, point.name) for point in installed_entry_points()}
    assert {("good-dist", "good"), ("mtlbench", "tasks")} <= found
