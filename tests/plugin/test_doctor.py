from __future__ import annotations

import importlib.metadata as metadata
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from mtlbench.cli import main
from mtlbench.plugin import Catalog, doctor
from mtlbench.plugin.doctor import examine
from mtlbench.plugin.loader import FailedPlugin


def found(**options):
    catalog = options.pop("catalog", Catalog([]))
    return {finding.what: finding for finding in examine(catalog, torch=False, **options)}


def test_a_good_installation_has_nothing_broken(tmp_path):
    findings = found(catalog=Catalog.load(), cache=tmp_path)
    assert not [finding for finding in findings.values() if finding.state == "broken"]
    assert findings["torch"].found == metadata.version("torch")


def test_every_trouble_has_a_cure(tmp_path, monkeypatch):
    versions = {"timm": "0.9.0", "click": "8.2.0"}

    def version(name):
        if name in ("pluggy", "peft"):
            raise metadata.PackageNotFoundError(name)
        return versions.get(name) or "2.0"

    monkeypatch.setattr(doctor.metadata, "version", version)
    broken = FailedPlugin("acme", "acme-lora", "1.0", "no module named x")
    findings = found(catalog=Catalog([], [broken]), cache=tmp_path)
    assert findings["timm"].state == "broken" and 'pip install "timm' in findings["timm"].cure
    assert findings["pluggy"].found == "missing" and "pip install" in findings["pluggy"].cure
    assert findings["extra peft"].state == "note" and "mtlbench[peft]" in findings["extra peft"].cure
    assert findings["plugin acme"].found == broken.reason and "acme-lora 1.0" in findings["plugin acme"].cure
    assert all(finding.cure for finding in findings.values() if finding.state != "ok")


def test_two_of_one_name_are_noted(write_distribution, tmp_path, monkeypatch, fresh_modules):
    module = """
        from mtlbench.plugin import Adapter, hookimpl
        @hookimpl
        def mtlbench_adapters():
            return [Adapter(name="lora", target="x:Y", summary="Twice.")]
    """
    for name in ("one", "two"):
        monkeypatch.syspath_prepend(write_distribution(name, "1.0", {name: name}, **{name: module}))
    points = [point for point in metadata.entry_points(group="mtlbench") if point.name in ("one", "two")]
    findings = [
        f
        for f in examine(Catalog.from_entry_points(points), tmp_path, torch=False)
        if f.what == "adapter lora"
    ]
    assert len(findings) == 2 and all('type="' in finding.cure for finding in findings)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_broken(tmp_path):
    tmp_path.chmod(0o500)
    assert found(cache=tmp_path / "cache")["cache"].state == "broken"


def test_a_full_disk_and_no_home_are_noted(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "SPARE", 2**70)
    assert "MTLBENCH_CACHE" in found(cache=tmp_path)["cache"].cure
    monkeypatch.delenv("MTLBENCH_CACHE", raising=False)

    def nowhere():
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", nowhere)
    assert found()["cache"].state == "note"


def test_a_torch_that_does_not_start_is_broken(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "PROBE", "raise SystemExit('libcuda is gone')")
    finding = [*examine(Catalog([]), tmp_path)][-1]
    assert finding.state == "broken" and finding.found == "libcuda is gone" and finding.cure


def test_the_command_ends_with_one_if_something_is_broken(monkeypatch):
    good = CliRunner().invoke(main, ["doctor", "--no-torch"])
    assert good.exit_code == 0 and "Nothing is broken." in good.output, good.output
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "0.0.1")
    bad = CliRunner().invoke(main, ["doctor", "--no-torch"])
    assert bad.exit_code == 1 and "BROKEN" in bad.output and "->" in bad.output
