"""The adapter beside the package peft."""

import ast
import re
from pathlib import Path

import pytest
import torch

pytest.importorskip("peft")

from peft import LoraConfig, PeftType, VeraConfig, get_peft_model, inject_adapter_in_model

from mtlbench.engine.freezing import attach
from mtlbench.engine.sites import merge
from mtlbench.errors import MtlbenchError
from mtlbench.testing.adapter_contract import TASKS, attached, images, scatter
from mtlbench.testing.tiny_backbone import TinyBackbone
from mtlbench_lora.adapter import LoRA
from mtlbench_peft.adapter import Peft
from mtlbench_peft.tuners import TUNERS, UNSUPPORTED
from mtlbench_timm.backbone import Timm

PAGE = Path(__file__).parents[3] / "docs/plugins/peft.md"
LINEAR = ("qkv", "proj", "fc1", "fc2")
#: options without which a tuner doesn't fit layers of width 8
SMALL = {
    "boft": {"boft_block_size": 4},
    "c3a": {"block_size": 8},
    "fourierft": {"n_frequency": 16},
    "gralora": {"r": 4, "gralora_k": 2},
    "ln_tuning": {"roles": ("norm1", "norm2")},
    "miss": {"r": 4},
    "oft": {"oft_block_size": 4},
    "psoft": {"r": 4},
    "road": {"group_size": 8},
    "shira": {"r": 2},
    "supertuning": {"sparsity": 0.9},
    "vblora": {"vector_length": 4, "num_vectors": 16, "topk": 2},
    "waveft": {"n_frequency": 16},
}


def test_the_tuners_are_those_of_the_package():
    assert {*TUNERS, *UNSUPPORTED} == {kind.value.lower() for kind in PeftType}
    assert len(TUNERS) + len(UNSUPPORTED) == len(PeftType)


@pytest.mark.parametrize("tuner", [tuner for tuner in TUNERS if tuner not in ("frod", "glora")])
def test_gradients_reach_everything_that_a_tuner_brings(tuner):
    torch.manual_seed(0)
    backbone, trainables = attached(Peft(TASKS, tuner=tuner, **{"trains": (), **SMALL.get(tuner, {})}))
    reaches_all(backbone.eval(), trainables, images())


@pytest.mark.parametrize("tuner", ["frod", "glora"])
def test_gradients_reach_everything_on_one_width_with_biases(tuner):
    """FRoD wants one width. Scalars of GLoRA act where there is a bias, and no norm behind the layer."""
    torch.manual_seed(0)
    backbone = Timm("vit_tiny_patch16_224", pretrained=False, image_size=(32, 32)).eval()
    for name, parameter in backbone.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    attach(Peft(TASKS, tuner=tuner, roles=("qkv", "fc1"), trains=()), backbone)
    trainables = {n: p for n, p in backbone.named_parameters() if p.requires_grad}
    reaches_all(backbone, trainables, torch.randn(1, 3, 32, 32))


def reaches_all(backbone, trainables, image):
    scatter(trainables)
    sum((level * torch.randn_like(level)).sum() for level in backbone(image)).backward()
    assert not [name for name, p in trainables.items() if p.grad is None or not p.grad.any()]


@pytest.mark.parametrize("tuner", [tuner for tuner in TUNERS if tuner != "frod"])
def test_what_a_tuner_learned_merges_into_plain_layers(tuner):
    torch.manual_seed(0)
    backbone, trainables = attached(Peft(TASKS, tuner=tuner, **{"trains": (), **SMALL.get(tuner, {})}))
    scatter(trainables)
    backbone.double().eval()
    with torch.no_grad():
        tuned = backbone(images().double())
        merge(backbone)
        layers = [backbone.get_submodule(site.path) for site in TinyBackbone().sites() if site.role in LINEAR]
        assert {type(layer) for layer in layers} == {torch.nn.Linear}
        for ours, merged in zip(tuned, backbone(images().double()), strict=True):
            torch.testing.assert_close(merged, ours, rtol=1e-5, atol=1e-5)


def test_its_lora_is_ours_with_the_same_matrices():
    theirs, trainables = attached(Peft(TASKS, tuner="lora", r=4, lora_alpha=8.0))
    scatter(trainables)
    ours, _ = attached(LoRA(TASKS, rank=4, alpha=8.0))
    values = dict(theirs.named_parameters())
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            name = re.sub(r"\.frozen\.", ".layer.base_layer.", name)
            name = re.sub(r"\.([AB])$", r".layer.lora_\1.default.weight", name)
            parameter.copy_(values.pop(name))
    assert not values
    for a, b in zip(ours.double()(images().double()), theirs.double()(images().double()), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "config, tuner",
    [(LoraConfig(r=4, target_modules=LINEAR), "lora"), (VeraConfig(r=8, target_modules=LINEAR), "vera")],
)
def test_it_yields_what_the_package_alone_yields(config, tuner):
    torch.manual_seed(0)
    theirs = TinyBackbone()
    if tuner == "lora":
        inject_adapter_in_model(config, theirs)
    else:
        get_peft_model(theirs, config)
    torch.manual_seed(0)
    TinyBackbone()
    ours, trainables = attached(Peft(TASKS, tuner=tuner, r=config.r, trains=()))
    their_trainables = {name: p for name, p in theirs.named_parameters() if p.requires_grad}
    assert {name.replace(".layer.", ".") for name in trainables} == their_trainables.keys()
    scatter(trainables)
    scatter(their_trainables)
    with torch.no_grad():
        for a, b in zip(ours.eval()(images()), theirs.eval()(images()), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tuner", ["frod", "pvera", "tinylora", "unilora", "vblora", "vera"])
def test_tensors_that_layers_share_are_the_backbones(tuner, monkeypatch):
    """Nothing that the tuner holds is out of the reach of state dicts, devices and the optimiser."""
    adapter = Peft(TASKS, tuner=tuner, **SMALL.get(tuner, {}))
    held, make = [], adapter._tuner
    monkeypatch.setattr(
        adapter, "_tuner", lambda *args, **options: held.append(make(*args, **options)) or held[0]
    )
    backbone = Timm("vit_tiny_patch16_224", pretrained=False, image_size=(32, 32))
    attach(adapter, backbone)
    reached = {id(tensor) for tensor in (*backbone.parameters(), *backbone.buffers())}
    assert {id(tensor) for tensor in (*held[0].parameters(), *held[0].buffers())} <= reached


def test_projections_that_a_seed_restores_are_not_saved():
    backbone, _ = attached(Peft(TASKS, tuner="vera", r=8))
    assert not [name for name in backbone.state_dict() if "vera_A" in name or "vera_B" in name]
    kept, _ = attached(Peft(TASKS, tuner="vera", r=8, save_projection=True))
    assert [name for name in kept.state_dict() if "vera_A" in name]


def test_ia3_scales_the_inputs_of_the_second_layer_of_an_mlp():
    _, trainables = attached(Peft(TASKS, tuner="ia3", trains=()))
    block = {n.split(".layer.")[0]: tuple(p.shape) for n, p in trainables.items() if "stages.0.blocks.0" in n}
    place = "stages.0.blocks.0."
    assert block == {
        f"{place}attn.qkv": (24, 1),
        f"{place}attn.proj": (8, 1),
        f"{place}mlp.fc1": (32, 1),
        f"{place}mlp.fc2": (1, 32),
    }


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"tuner": "adalora"}, "cannot use 'adalora'"),
        ({"tuner": "vera", "rr": 4}, "The tuner 'vera' has no option 'rr'.*It takes: d_initial, "),
        ({"tuner": "lora", "lora_dropuot": 0.1}, 'Did you mean "lora_dropout"'),
        ({"tuner": "lora", "target_modules": ["qkv"]}, "no option 'target_modules'"),
        ({"tuner": "lora", "bias": "all"}, "no option 'bias'"),
    ],
)
def test_wrong_options_are_named(options, sentence):
    with pytest.raises(MtlbenchError, match=sentence):
        Peft(TASKS, **options)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"tuner": "psoft"}, "cannot put the tuner 'psoft' on qkv, proj, fc1, fc2: .* or take another tuner"),
        ({"tuner": "lora", "roles": ("block",)}, "cannot put the tuner 'lora' on block: "),
    ],
)
def test_layers_that_a_tuner_does_not_fit_are_named(options, sentence):
    with pytest.raises(MtlbenchError, match=sentence):
        attached(Peft(TASKS, **options))


ROWS = re.findall(r"^\| `(\w+)` \| (.*?) ?\| (yes|no) \| ([\d,]+) \|", PAGE.read_text("utf-8"), re.MULTILINE)


def test_the_page_has_every_tuner():
    assert {row[0] for row in ROWS} == {*TUNERS} - {"frod"}


@pytest.mark.slow
@pytest.mark.parametrize("tuner, written, identity, count", ROWS)
def test_the_table_of_the_page_is_right(tuner, written, identity, count):
    option, _, value = written.strip("`").partition("=")
    options = {option: ast.literal_eval(value)} if option else {}
    torch.manual_seed(0)
    backbone = Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(32, 32)).eval()
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        expected = backbone(image)
        attach(Peft(TASKS, tuner=tuner, trains=(), **options), backbone)
        errors = [(a - b).norm() / b.norm() for a, b in zip(backbone(image), expected, strict=True)]
    assert (max(errors) < 5e-6) == (identity == "yes")
    assert sum(p.numel() for p in backbone.parameters() if p.requires_grad) == int(count.replace(",", ""))
