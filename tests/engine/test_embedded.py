"""The config inside a record is data: whatever it says, nothing of it is executed, and no file is opened."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mtlbench.cli import main
from mtlbench.engine.config import load_experiment
from mtlbench.engine.embedded import experiment_of
from mtlbench.results.store import write_record


class Executed:
    """Write a file when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return Path.write_text, (self.canary, "executed")


def part(kind: str, /, **options):
    return lambda config: {**config, kind: {**config[kind], **options}}


CONFIGS = {
    "an import": lambda config: {**config, "custom_imports": {"imports": ["evil"]}},
    "a base": lambda config: {**config, "_base_": "evil.py"},
    "a demonstration": lambda config: {**config, "demo": {"adapter.type": "evil:Evil"}},
    "a name": lambda config: {**config, "name": "../../evil"},
    "fewer tasks": lambda config: {**config, "only": ["depth"]},
    "a module": part("adapter", type="evil"),
    "a class": part("adapter", type="evil.Evil"),
    "a target": part("adapter", type="evil:Evil"),
    "a file": part("adapter", type="evil.py"),
    "a scope": part("adapter", _scope_="mmengine"),
    "a class of mmengine": part("adapter", type="mmengine.EMAHook"),
    "an option that is a program": part("decoder", neck_channels="__import__('evil')"),
    "weights that are a pickle": part("backbone", pretrained=True, weights="evil.pth"),
    "weights of a timm model": part("backbone", type="timm", weights="evil.pth"),
    "a model of a hub": part("backbone", type="timm", name="hf-hub:evil/evil", pretrained=True),
    "a model in a folder": part("backbone", type="timm", name="local-dir:.", pretrained=True),
    "a place of data": part("dataset", root="/"),
    "a manifest": part("label_protocol", type="manifest", file="evil.pth", hash="0" * 64),
    "a transform by its path": lambda config: {**config, "train_transforms": [{"type": "evil.Evil"}]},
    "an optimiser by its path": part("optimizer", type="evil.Evil"),
    "text instead of parts": lambda config: dict.fromkeys(config, "__import__('evil')"),
    "nothing": lambda config: {},
}


@pytest.mark.parametrize("what", CONFIGS)
def test_a_config_of_a_stranger_is_one_error(tiny_config, make_record, tmp_path, monkeypatch, what):
    canary = tmp_path / "executed"
    program = f"open({str(canary)!r}, 'w').close()\nclass Evil: pass\n"
    (tmp_path / "evil.py").write_text(program)
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Executed(canary)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    config = load_experiment(tiny_config()).canonical()
    assert experiment_of(make_record("tiny", config=config)).canonical() == config  # as it is, it is taken
    config = CONFIGS[what](config)
    path = write_record(make_record("tiny", config=config), tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    result = CliRunner().invoke(main, ["reproduce", str(path), "--device", "cpu"])
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit), result.output
    assert "Traceback" not in result.output and result.output.startswith("Error: ")
    assert not canary.exists() and "evil" not in sys.modules
    assert sorted(tmp_path.rglob("*")) == before
