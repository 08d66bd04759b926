from __future__ import annotations

import sys

import pytest

from mtlbench.plugin import (
    Adapter,
    BrokenTarget,
    Catalog,
    Dataset,
    Decoder,
    FailedPlugin,
    LoadedPlugin,
    PluginConflict,
    PythonPathRefused,
    UnknownComponent,
    UnknownKind,
)


def adapter(name: str, target: str = "acme_adapter:Acme", **fields: str) -> Adapter:
    return Adapter(name=name, target=target, summary=f"Be {name}.", **fields)


def plugin(distribution: str, *records, name: str = "main", version: str = "1.0") -> LoadedPlugin:
    return LoadedPlugin(name, distribution, version, f"{distribution}_plugin", records)


ACME = plugin(
    "acme-mtl", adapter("lora"), adapter("bitfit"), Dataset(name="rooms", target="a:R", summary="Be.")
)
CLASH = plugin("Clash", adapter("lora", "clash:LoRA"), version="2.0", name="peft")


def test_records_are_ordered_by_kind_and_name() -> None:
    catalog = Catalog([CLASH, ACME])
    assert [record.name for record in catalog.records()] == ["rooms", "bitfit", "lora", "lora"]
    assert [record.name for record in catalog.records("dataset")] == ["rooms"]
    assert catalog.records("learner") == ()


def test_a_name_is_found_within_its_kind() -> None:
    catalog = Catalog(
        [plugin("acme", adapter("same"), Decoder(name="same", target="a:D", summary="Decode."))]
    )
    assert catalog.find("decoder", "same").target == "a:D"
    assert not any(map(catalog.is_conflict, catalog.entries()))


@pytest.mark.parametrize("name", ["acme-mtl:bitfit", "Acme_MTL:bitfit", "acme.mtl:bitfit"])
def test_a_qualified_name_follows_the_spelling_rules_of_distributions(name: str) -> None:
    assert Catalog([ACME]).find("adapter", name) == adapter("bitfit")


@pytest.mark.parametrize("plugins", [[ACME, CLASH], [CLASH, ACME]], ids=["one order", "the other"])
def test_a_conflict_names_both_providers_and_the_way_out(plugins: list[LoadedPlugin]) -> None:
    catalog = Catalog(plugins)
    with pytest.raises(PluginConflict) as caught:
        catalog.find("adapter", "lora")
    assert str(caught.value) == (
        'The adapter "lora" is provided by Clash 2.0 (plugin peft) and acme-mtl 1.0 (plugin main). '
        'Say which one you mean: type="Clash:lora" or type="acme-mtl:lora".'
    )
    assert catalog.find("adapter", "clash:lora").target == "clash:LoRA"
    assert catalog.find("adapter", "bitfit").name == "bitfit"
    assert [entry.distribution for entry in catalog.entries() if catalog.is_conflict(entry)] == [
        "Clash",
        "acme-mtl",
    ]


def test_a_conflict_inside_one_distribution_has_no_way_out() -> None:
    catalog = Catalog([plugin("acme", adapter("lora"), name=name) for name in ("a", "b")])
    for name in ("lora", "acme:lora"):
        with pytest.raises(PluginConflict, match=r"twice, so no name can choose: rename one of them\.$"):
            catalog.find("adapter", name)


def test_an_unknown_name_gets_a_guess_the_names_and_the_failed_plugins() -> None:
    failed = FailedPlugin("faar", "mtlbench", "0.1.0", "ModuleNotFoundError: No module named 'einops'")
    with pytest.raises(UnknownComponent) as caught:
        Catalog([ACME], [failed]).find("adapter", "loar")
    assert str(caught.value).splitlines() == [
        'There is no adapter "loar". Did you mean "lora"?',
        "Known adapter names: bitfit, lora.",
        "These plugins failed to load:",
        "  faar (mtlbench 0.1.0): ModuleNotFoundError: No module named 'einops'",
        "Run `mtlbench list adapter` for a line about each, or install the plugin that provides it.",
    ]


def test_an_unknown_qualified_name_is_compared_with_qualified_names() -> None:
    with pytest.raises(UnknownComponent, match=r'"acme:bitfit"\. Did you mean "acme-mtl:bitfit"\?'):
        Catalog([ACME]).find("adapter", "acme:bitfit")


def test_an_empty_kind_says_so() -> None:
    with pytest.raises(UnknownComponent, match="Known learner names: none"):
        Catalog([ACME]).find("learner", "mask")


def test_an_unknown_kind_gets_a_guess() -> None:
    with pytest.raises(UnknownKind) as caught:
        Catalog([]).records("adaptor")
    assert str(caught.value).startswith('There is no kind "adaptor". Did you mean "adapter"? Kinds: task, ')


@pytest.mark.parametrize("name", ["os.getcwd", "acme_adapter.Acme", "acme_adapter:Acme", "torch.nn:Module"])
def test_python_paths_are_refused(name: str) -> None:
    with pytest.raises(PythonPathRefused) as caught:
        Catalog([ACME]).resolve("adapter", name)
    assert str(caught.value) == (
        f'type="{name}" is a Python path, and no adapter has that name: only registered names are built. '
        "Choose one from `mtlbench list adapter`, or register the class in a plugin."
    )


def test_a_registered_name_may_hold_a_dot() -> None:
    assert Catalog([plugin("acme", adapter("swin.tiny"))]).find("adapter", "swin.tiny").name == "swin.tiny"


def test_resolve_imports_the_target_and_nothing_else(install) -> None:
    install(
        "acme", "1.0", {}, acme_adapter="class Acme:\n    class Inner: ...", acme_other="class Other: ..."
    )
    catalog = Catalog([plugin("acme", adapter("lora"), adapter("inner", "acme_adapter:Acme.Inner"))])
    assert "acme_adapter" not in sys.modules
    lora = catalog.resolve("adapter", "lora")
    assert (lora.__module__, lora.__name__) == ("acme_adapter", "Acme")
    assert catalog.resolve("adapter", "acme:inner") is lora.Inner
    assert "acme_other" not in sys.modules


@pytest.mark.parametrize(
    ("requires", "source", "reason"),
    [
        (
            "peft",
            "import nowhere_at_all",
            "No module named 'nowhere_at_all'. Run: pip install \"acme[peft]\"",
        ),
        (
            "",
            "import nowhere_at_all",
            "No module named 'nowhere_at_all'. Reinstall acme, or report this to its authors.",
        ),
        (
            "peft",
            "",
            "module 'acme_adapter' has no attribute 'Acme'. Reinstall acme, or report this to its authors.",
        ),
        (
            "",
            "def Acme(): ...",
            "it is a function, not a class. Reinstall acme, or report this to its authors.",
        ),
    ],
)
def test_a_target_that_cannot_be_imported_ends_in_a_next_step(install, requires, source, reason) -> None:
    install("acme", "1.0", {}, acme_adapter=source)
    with pytest.raises(BrokenTarget) as caught:
        Catalog([plugin("acme", adapter("lora", requires=requires))]).resolve("adapter", "lora")
    start = 'The adapter "lora" of acme 1.0 cannot be imported from acme_adapter:Acme: '
    assert str(caught.value) == start + reason


def test_a_defect_inside_a_target_keeps_its_own_error(install) -> None:
    install("acme", "1.0", {}, acme_adapter="None.nothing")
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'nothing'"):
        Catalog([plugin("acme", adapter("lora"))]).resolve("adapter", "lora")


def test_the_installed_plugins_are_loaded_once() -> None:
    assert Catalog.load() is Catalog.load()
