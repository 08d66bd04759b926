from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mtlbench.engine import checkpoint
from mtlbench.engine import export as exporting
from mtlbench.engine.errors import ExportError, ForeignRecord, RunError
from mtlbench.engine.evaluation import evaluate
from mtlbench.engine.export import ExportOptions, export, merge_exactly
from mtlbench.engine.parting import _resolve, join, part
from mtlbench.engine.program import Program, bounds, load, outputs, random_images, require_equal, trace
from mtlbench.engine.rebuild import rebuild
from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog
from mtlbench.results.schema import Record, config_hash, run_id
from mtlbench.results.store import load_record, write_record
from mtlbench.testing.adapter_contract import scatter
from mtlbench_lora.linear import LoRALinear

SIZE = (32, 48)
HRNET = {"type": "hrnet", "neck_channels": (4, 4, 4, 4)}
MTCP = {"type": "mt-cp", "width": 8, "window": 4}
TSPD = {"type": "ts-pd", "neck_channels": (4, 4, 4, 4)}
TASKS = {
    "semseg": {"type": "semseg", "classes": 14},
    "depth": {"type": "depth"},
    "normals": {"type": "normals"},
}
CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "lora", "rank": 4}, HRNET),
    ({"type": "lora", "rank": 4, "sharing": "per-task", "split_qkv": True}, HRNET),
    ({"type": "dora", "rank": 4}, HRNET),
    ({"type": "dora", "rank": 4, "sharing": "per-task"}, HRNET),
    ({"type": "mtlora", "rank": 4}, HRNET),
    ({"type": "mtlora", "rank": 4, "shared_mode": "matrixv2", "plus": True}, HRNET),
    ({"type": "mtlora", "rank": 4, "shared_mode": "addition"}, HRNET),
    ({"type": "faar", "rank": 4}, HRNET),
    ({"type": "faar", "rank": 4, "variant": "lora"}, TSPD),
    ({"type": "faar", "rank": 4, "variant": "lora", "rms_scale": True}, HRNET),
    ({"type": "ditask", "tess": 8}, HRNET),
    ({"type": "ditask", "tess": 8, "variant": "released"}, HRNET),
    ({"type": "tadformer", "rank": 4}, HRNET),
    ({"type": "tadformer", "rank": 4, "filter": "static"}, HRNET),
    ({"type": "sinewich", "rank": 4, "prompt": True}, HRNET),
    ({"type": "bitfit"}, HRNET),
    ({"type": "bitfit", "sharing": "shared"}, HRNET),
    ({"type": "relative-bias"}, HRNET),
    ({"type": "vpt-shallow", "prompts": 3}, HRNET),
    ({"type": "vpt-deep", "prompts": 3}, HRNET),
    ({"type": "houlsby", "reduction": 4}, HRNET),
    ({"type": "parallel-adapter", "reduction": 4}, HRNET),
    ({"type": "low-rank-adapter", "rank": 2, "reduction": 4}, HRNET),
    ({"type": "phm", "n": 4, "reduction": 4}, HRNET),
    ({"type": "compacter", "n": 4}, HRNET),
    ({"type": "compacter-plus-plus", "n": 4}, HRNET),
    ({"type": "hyperformer", "embedding": 8, "hidden": 8, "reduction_factor": 4}, HRNET),
    ({"type": "polyhistor", "embedding": 8, "rank": 2, "reduction_factor": 4}, HRNET),
    ({"type": "polyhistor-lite", "embedding": 8, "rank": 2, "template": 32}, HRNET),
    ({"type": "progts", "rank": 2}, HRNET),
    ({"type": "side-branch", "bottleneck": 8, "rank": 2}, HRNET),
    ({"type": "cross-stitch"}, HRNET),
    ({"type": "nddr-cnn"}, HRNET),
    ({"type": "vmt-adapter", "bottleneck": 4}, HRNET),
    ({"type": "vmt-adapter-lite", "bottleneck": 4}, HRNET),
    ({"type": "peft", "tuner": "lora"}, HRNET),
    ({"type": "full"}, HRNET),
    ({"type": "frozen"}, MTCP),
    ({"type": "no-adapter"}, TSPD),
    ({"type": "lora", "rank": 4, "sharing": "per-task"}, MTCP),
    ({"type": "lora", "rank": 4}, {"type": "pad-net", "fused": 64, "width": 32}),
    ({"type": "lora", "rank": 4}, {"type": "mti-net", "neck_channels": (8, 16, 24, 32)}),
    ({"type": "lora", "rank": 4}, {"type": "mtan", "neck_channels": (8, 16, 24, 32)}),
    ({"type": "lora", "rank": 4}, {"type": "invpt", "width": 64, "widths": (64, 32, 16), "hidden": 64}),
    ({"type": "lora", "rank": 4}, {"type": "atrc", "neck_channels": (8, 16, 24, 32), "width": 16}),
    ({"type": "lora", "rank": 4}, {"type": "mtformer", "width": 24, "heads": 2, "window": 4}),
]


def name_of(case: tuple[dict[str, Any], dict[str, Any]]) -> str:
    adapter, decoder = case
    return "-".join(str(value) for value in (*adapter.values(), decoder["type"]))


def scattered(parts, adapter: dict[str, Any], decoder: dict[str, Any], **changes: Any) -> nn.Module:
    """Return a model in evaluation mode whose parameters are not where they start."""
    if adapter["type"] == "peft":
        pytest.importorskip("peft")
    model = parts(tasks=TASKS, adapter=adapter, decoder=decoder, **changes).model.eval()
    scatter({name: p for name, p in model.named_parameters() if p.requires_grad})
    return model


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_program_puts_out_what_the_model_did(parts, case):
    model = scattered(parts, *case)
    images = random_images(3, SIZE)
    _, expected, allowed = merge_exactly(model, images)
    assert max(allowed.values()) < 1e-4
    assert not [path for path, module in model.named_modules() if hasattr(module, "deployed")]
    require_equal(outputs(Program(model), images), expected, "The merged model", allowed)
    program = load(trace(Program(model), SIZE))
    for batch in (3, 1):
        found = outputs(program, images[:batch])
        assert [*found] == [*expected]
        here = {task: output[:batch] for task, output in expected.items()}
        require_equal(found, here, "The program", allowed)


def test_every_adapter_and_decoder_that_ships_is_among_them():
    for kind, index in (("adapter", 0), ("decoder", 1)):
        shipped = {e.record.name for e in Catalog.load().entries(kind) if e.distribution == "mtlbench"}
        assert shipped == {case[index]["type"] for case in CASES}


@pytest.mark.slow
def test_plain_transformers_are_exported_too(parts):
    backbone = {
        "type": "timm",
        "name": "vit_tiny_patch16_224",
        "pretrained": False,
        "image_size": SIZE,
    }
    model = scattered(parts, {"type": "tadformer", "rank": 4}, HRNET, backbone=backbone)
    _, expected, allowed = merge_exactly(model, random_images(3, SIZE))
    program = load(trace(Program(model), SIZE))
    require_equal(outputs(program, random_images(3, SIZE)), expected, "The program", allowed)


@pytest.mark.parametrize(
    "adapter", [{"type": "lora", "rank": 4, "sharing": "per-task"}, {"type": "ditask"}, {"type": "bitfit"}]
)
@pytest.mark.parametrize("decoder", [HRNET, MTCP], ids=["hrnet", "mt-cp"])
def test_a_task_s_part_is_what_no_other_task_reads(parts, adapter, decoder):
    model = scattered(parts, adapter, decoder)
    merge_exactly(model, random_images(1, SIZE))
    pieces = part(model, SIZE)
    state, before = model.state_dict(), outputs(Program(model), random_images(1, SIZE))
    for task in model.tasks:
        own = pieces[f"tasks/{task}.safetensors"]
        # mt-cp fuses tasks: whatever a task does to its features reaches all of them
        assert any(name.startswith("backbone.") for name in own) == (decoder is HRNET)
        assert any(name.startswith("decoder.") and name.endswith("running_mean") for name in own)
        kept = {name: state[name].clone() for name in own}
        for name, piece in own.items():
            rows = range(len(state[name])) if piece.rows is None and state[name].ndim else None
            for start, stop in piece.rows or []:
                rows = [*(rows or []), *range(start, stop)]
            if state[name].is_floating_point():
                state[name][list(rows or [...])] += 0.5
        after = outputs(Program(model), random_images(1, SIZE))
        touched = {other for other in model.tasks if not torch.equal(before[other], after[other])}
        assert touched == {task}
        for name, value in kept.items():
            state[name].copy_(value)


def test_single_parameters_of_tasks_lie_in_rows(parts):
    model = scattered(parts, {"type": "lora", "rank": 4, "sharing": "per-task"}, HRNET)
    pieces = part(model, SIZE)
    for t, task in enumerate(model.tasks):
        A = pieces[f"tasks/{task}.safetensors"]["backbone.layers.0.blocks.0.attn.qkv.A"]
        assert A.rows == [[t, t + 1]] and A.values.shape == (1, 4, 32) and A.shape == [3, 4, 32]
        assert pieces[f"tasks/{task}.safetensors"][f"decoder.heads.{task}.norm.running_var"].rows is None
    assert "backbone.layers.0.blocks.0.attn.qkv.frozen.weight" in pieces["weights.safetensors"]


def test_rows_count_in_equal_pieces():
    def owners(*rows: str) -> list[int]:
        """Find the owners of rows, given by the tasks 0, 1 and 2 that reach each."""
        return _resolve(torch.tensor([[str(t) in row for row in rows] for t in range(3)])).tolist()

    assert owners("1", "", "1", "1") == [1, 1, 1, 1]
    assert owners("0", "", "1", "1", "", "2") == [0, 0, 1, 1, 2, 2]
    assert owners("012", "0", "1", "2") == [-1, 0, 1, 2]
    assert owners("01", "1", "2", "2") == [-1, -1, 2, 2]
    assert owners("012", "01", "012", "1", "012") == [-1] * 5
    assert owners("", "") == [-1, -1]


BRIEF = {"adapter": {"type": "lora", "rank": 2}, "schedule__iterations": 2}
WEIGHTS = ExportOptions(program=False)


def about(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "export.json").read_text())


def refused(run: Path, options: ExportOptions = WEIGHTS, kind: type[MtlbenchError] = ExportError) -> str:
    """Return why a run is not exported; nothing is left where it would have been."""
    with pytest.raises(kind) as caught:
        export(run, Catalog.load(), options)
    assert not (run / "export").exists() and not [*run.glob(".export*")]
    return str(caught.value)


def rewritten(work_dir: Path, **changes: Any) -> Record:
    """Put another record in the place of that of a run."""
    (path,) = work_dir.glob("*-seed*.json")
    data = load_record(path).model_dump(mode="json") | changes
    data["config_hash"] = config_hash(data["config"])
    data["run_id"] = run_id(data["name"], data["config_hash"], data["seed"])
    path.unlink()
    record = Record.model_validate(data)
    write_record(record, work_dir)
    return record


@pytest.mark.slow
def test_the_program_scores_what_the_record_says(train, parts):
    record, work_dir = train()  # faar, whose ranks shrink and whose norms are estimated after training
    folder, made = export(work_dir, Catalog.load(), ExportOptions())
    program = load((folder / "model.pt2").read_bytes())
    built = parts()
    served = SimpleNamespace(
        tasks=built.model.tasks, eval=lambda: None, predict=lambda images: program(images)
    )
    scores = evaluate(served, built.eval_loader(), "native")
    for task, values in scores.metrics.items():
        assert values == pytest.approx(record.metrics[task], rel=1e-4, abs=1e-4)
    assert made["run_id"] == record.run_id and made["input"]["shape"] == ["batch", 3, *SIZE]


ISOLATED = """
import sys
sys.path[:] = [path for path in sys.path if "site-packages" not in path] + [{packages!r}]
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0].startswith(("mtlbench", "mmengine", "timm")):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import torch
program = torch.export.load({program!r}).module()
generator = torch.Generator().manual_seed(0)
images = torch.randint(0, 256, (5, 3, 32, 48), dtype=torch.uint8, generator=generator)
torch.save(program(images), {out!r})
assert not [name for name in sys.modules if name.startswith(("mtlbench", "mmengine", "timm"))]
"""


@pytest.mark.slow
def test_the_program_runs_where_nothing_but_torch_is_installed(train, tmp_path):
    _, work_dir = train(adapter={"type": "mtlora", "rank": 2, "task_rank": 2}, schedule__iterations=2)
    trained = rebuild(work_dir, Catalog.load())
    folder, _ = export(work_dir, Catalog.load(), ExportOptions(to=tmp_path / "served"))
    script = ISOLATED.format(
        packages=str(Path(torch.__file__).parents[1]),
        program=str(folder / "model.pt2"),
        out=str(tmp_path / "out.pt"),
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True, cwd=tmp_path)
    found = torch.load(tmp_path / "out.pt", weights_only=True)
    require_equal(found, outputs(Program(trained.model), random_images(5, SIZE)), "The program")
    assert found["semseg"].shape == (5, 14, *SIZE)


def test_the_parts_put_together_are_the_merged_model(train):
    record, work_dir = train(
        adapter={"type": "mtlora", "rank": 2, "task_rank": 2}, schedule__iterations=2, decoder=HRNET
    )
    folder, made = export(work_dir, Catalog.load(), WEIGHTS)
    model = rebuild(work_dir, Catalog.load()).model
    trainable = sum(p.numel() for p in [*model.backbone.parameters(), *model.decoder.parameters()])
    assert made["parameters"]["before"] == trainable
    merge_exactly(model, random_images(1, SIZE))
    state = {
        name: value
        for name, value in model.state_dict().items()
        if name.startswith(("backbone.", "decoder."))
    }
    joined = join(folder)
    assert joined.keys() == state.keys()
    for name, value in state.items():
        torch.testing.assert_close(joined[name], value, rtol=0, atol=0)
    counts = made["parameters"]
    assert counts["shared"] + sum(counts["tasks"].values()) == counts["merged"]
    assert made["config_hash"] == record.config_hash and made == about(folder)
    assert made["merged"]["backbone.layers.0.blocks.0.attn.qkv"] == "MergeableLinear -> Linear"
    assert not (folder / "model.pt2").exists() and made["program"] is None
    for file, described in made["files"].items():
        data = (folder / file).read_bytes()
        assert (described["sha256"], described["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
        assert {n: list(t.shape) for n, t in load_file(folder / file).items() if n in state}.keys() == (
            made["tensors"][file].keys()
        )


def test_a_record_s_file_stands_for_its_run(train, tmp_path):
    record, work_dir = train(**BRIEF)
    options = ExportOptions(program=False, to=tmp_path / "deep" / "export", size=(64, 64))
    folder, made = export(work_dir / f"{record.run_id}.json", Catalog.load(), options)
    assert folder == tmp_path / "deep/export" and made["outputs"]["depth"] == ["batch", 1, 64, 64]


def test_a_folder_without_a_record_is_refused(tmp_path):
    assert "holds no record: a run writes it when it is finished" in refused(tmp_path)
    for seed in (0, 1):
        (tmp_path / f"a-00000000-seed{seed}.json").touch()
    assert "several records: a-00000000-seed0.json, a-00000000-seed1.json" in refused(tmp_path)


def test_a_run_without_a_good_checkpoint_is_refused(train):
    _, work_dir = train(adapter={"type": "lora", "rank": 2}, schedule__iterations=8)
    newest = work_dir / "checkpoints/step-00000008.pt"
    newest.write_bytes(newest.read_bytes()[:-7])
    message = refused(work_dir)
    assert "is of step 4, and the record of step 8" in message and "--restart" in message
    for path in work_dir.glob("checkpoints/*.pt"):
        path.write_bytes(b"")
    assert "There is no checkpoint" in refused(work_dir) and "is damaged" in refused(work_dir)
    shutil.rmtree(work_dir / "checkpoints")
    assert "a record alone holds no weights" in refused(work_dir) and "--restart" in refused(work_dir)


def test_a_checkpoint_of_another_run_is_refused(train, tmp_path):
    _, work_dir = train(**BRIEF)
    _, other = train(**BRIEF, seed=1, work_dir=tmp_path / "other")
    shutil.rmtree(work_dir / "checkpoints")
    shutil.copytree(other / "checkpoints", work_dir / "checkpoints")
    assert "is of another config or seed than the record" in refused(work_dir)


@pytest.mark.parametrize("change", ["shape", "name", "structure"])
def test_a_checkpoint_that_does_not_fit_is_refused(train, change):
    _, work_dir = train(**BRIEF)
    content = checkpoint.load_latest(work_dir / "checkpoints")
    name = "decoder.heads.depth.predict.weight"
    if change == "shape":
        content["model"][name] = content["model"][name][:, :-1]
    elif change == "name":
        del content["model"][name]
    else:
        del content["structure"]
    checkpoint.save(work_dir / "checkpoints", content.pop("step"), content)
    message = refused(work_dir)
    assert "does not fit the model that its record describes" in message and "mtlbench:lora==" in message


def test_a_record_of_another_version_is_refused(train):
    record, work_dir = train(**BRIEF)
    rewritten(work_dir, config={**record.config, "novelty": 1})
    message = refused(work_dir, kind=ForeignRecord)
    assert "novelty" in message and "Install that version" in message
    config = {key: value for key, value in record.config.items() if key != "evaluation"}
    rewritten(work_dir, config=config)
    assert "means something else to this version" in refused(work_dir, kind=ForeignRecord)


def test_a_record_that_needs_what_is_not_installed_is_refused(train):
    record, work_dir = train(**BRIEF)
    rewritten(work_dir, config={**record.config, "adapter": {"type": "acme"}})
    assert 'no adapter "acme"' in refused(work_dir, kind=MtlbenchError)
    rewritten(
        work_dir, config=record.config, components={**record.components, "adapter": "acme-lora:lora==2.0"}
    )
    message = refused(work_dir, kind=ForeignRecord)
    assert "was acme-lora:lora==2.0, and here mtlbench:lora" in message and "Install the former" in message


def test_other_pretrained_weights_are_refused(train, tmp_path):
    record, work_dir = train(**BRIEF)
    provenance = record.provenance.model_dump(mode="json") | {"weights": "0123456789abcdef"}
    rewritten(work_dir, provenance=provenance)
    message = refused(work_dir)
    assert "their fingerprint is random" in message and "--weights FILE" in message


def test_missing_pretrained_weights_are_named(train, tmp_path):
    _, work_dir = train(**BRIEF, backbone={"type": "rooms-swin"})
    absent = ExportOptions(program=False, weights=tmp_path / "absent.safetensors")
    message = refused(work_dir, absent)
    assert "absent.safetensors" in message and "pass the file of the pretrained ones" in message
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    message = refused(work_dir, ExportOptions(program=False, weights=tmp_path / "other.safetensors"))
    assert "does not fit this SwinTransformer" in message
    assert export(work_dir, Catalog.load(), WEIGHTS)[1]["pretrained"] != "random"


def test_an_export_is_replaced_only_when_asked(train, tmp_path):
    _, work_dir = train(**BRIEF)
    folder, _ = export(work_dir, Catalog.load(), WEIGHTS)
    (folder / "old").touch()
    with pytest.raises(
        ExportError, match="export exists. Choose another folder with --to, or .* --overwrite"
    ):
        export(work_dir, Catalog.load(), WEIGHTS)
    export(work_dir, Catalog.load(), ExportOptions(program=False, overwrite=True))
    assert not (folder / "old").exists() and about(folder)
    (tmp_path / "precious").mkdir()
    with pytest.raises(ExportError, match="holds no export.json, so it is no export"):
        export(work_dir, Catalog.load(), ExportOptions(to=tmp_path / "precious", overwrite=True))
    assert (tmp_path / "precious").is_dir()


def test_a_full_disk_leaves_what_was_there(train, monkeypatch):
    _, work_dir = train(**BRIEF)
    written = []

    def full(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) % 2 == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        path.write_bytes(content)

    with monkeypatch.context() as patch:
        patch.setattr(exporting, "write_atomically", full)
        message = refused(work_dir, kind=RunError)
    assert "cannot be written: No space left on device" in message and "free some space" in message
    folder, before = export(work_dir, Catalog.load(), WEIGHTS)
    monkeypatch.setattr(exporting, "write_atomically", full)
    with pytest.raises(RunError):
        export(work_dir, Catalog.load(), ExportOptions(program=False, overwrite=True))
    assert about(folder) == before and not [*work_dir.glob(".export*")]


def test_what_differs_is_not_written(train, monkeypatch):
    _, work_dir = train(**BRIEF, backbone={"type": "rooms-swin"})
    right = LoRALinear.deployed

    def wrong(layer: LoRALinear) -> nn.Linear:
        layer.scale *= 1.5
        return right(layer)

    monkeypatch.setattr(LoRALinear, "deployed", wrong)
    message = refused(work_dir)
    assert "The merged model does not put out what the trained model does" in message
    assert "more than 1e-05. Nothing was written" in message


def test_what_cannot_be_traced_is_said_with_the_way_on(train, monkeypatch):
    _, work_dir = train(**BRIEF)

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("Could not guard on data-dependent expression u0\nmore")

    monkeypatch.setattr(torch.export, "export", fails)
    message = refused(work_dir, ExportOptions())
    assert "(RuntimeError: Could not guard on data-dependent expression u0)" in message
    assert "--no-program" in message


def test_what_is_not_a_number_is_no_equal():
    nan = {"depth": torch.tensor([math.nan])}
    with pytest.raises(ExportError, match="depth differs by nan"):
        require_equal(nan, {"depth": torch.ones(1)}, "It")


def test_more_than_the_tolerance_is_allowed_where_float32_rounds_more():
    exact = {"depth": torch.ones(4), "edge": torch.ones(4), "normals": torch.ones(4)}
    rounded = {"depth": torch.ones(4), "edge": torch.full((4,), 1 + 2e-5), "normals": torch.zeros(4)}
    allowed = bounds(rounded, exact)
    assert allowed["depth"] == allowed["normals"] == 1e-5  # a model that is wrong in float32 allows nothing
    assert allowed["edge"] == pytest.approx(8e-5, rel=0.02)
    require_equal({"edge": torch.full((4,), 1 + 7e-5)}, {"edge": exact["edge"]}, "It", allowed)
    with pytest.raises(ExportError, match="edge differs by 1.0e-04 .* more than 8e-05"):
        require_equal({"edge": torch.full((4,), 1 + 1e-4)}, {"edge": exact["edge"]}, "It", allowed)
