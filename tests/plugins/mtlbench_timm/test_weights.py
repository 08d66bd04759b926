import pickle
import socket
import time

import huggingface_hub
import pytest
import timm
import torch
from safetensors.torch import save_file

from mtlbench_timm import weights
from mtlbench_timm.backbone import Timm
from mtlbench_timm.errors import BadWeights, WeightsUnavailable


@pytest.fixture
def vit():
    """Return a tiny registered timm model with its classifier, random."""
    torch.manual_seed(3)
    net = timm.create_model("test_vit", img_size=160).eval()
    torch.nn.init.normal_(net.pos_embed)
    return net


def save(path, state):
    if path.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    else:
        torch.save(state, path)
    return str(path)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@torch.no_grad()
def test_local_weights_give_timms_features(vit, tmp_path, suffix):
    path = save(tmp_path / f"vit{suffix}", vit.state_dict())
    backbone = Timm("test_vit", weights=path, image_size=(160, 160)).eval()
    assert (backbone.mean, backbone.std) == (vit.pretrained_cfg["mean"], vit.pretrained_cfg["std"])
    maps = []
    backbone.pyramid.register_forward_pre_hook(lambda _m, inputs: maps.extend(inputs[0]))
    image = torch.randn(1, 3, 160, 160)
    backbone(image)
    expected = vit.forward_intermediates(image, intermediates_only=True)[-1]
    torch.testing.assert_close(maps[-1][0].permute(0, 3, 1, 2), expected, rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_position_embeddings_are_resized_as_timm_does(vit, tmp_path):
    path = save(tmp_path / "vit.safetensors", vit.state_dict())
    backbone = Timm("test_vit", weights=path, image_size=(96, 128))
    overlay = {"file": path}
    twin = timm.create_model("test_vit", pretrained=True, pretrained_cfg_overlay=overlay, img_size=(96, 128))
    assert backbone.pos_embed.shape != vit.pos_embed.shape
    torch.testing.assert_close(backbone.pos_embed, twin.pos_embed)
    torch.testing.assert_close(backbone.patch_embed.proj.weight, vit.patch_embed.proj.weight)


def test_wrapped_and_headless_checkpoints_load(vit, tmp_path):
    headless = {n: t for n, t in vit.state_dict().items() if not n.startswith(("head", "norm."))}
    wrapped = {"state_dict": {f"module.{name}": tensor for name, tensor in headless.items()}, "epoch": 7}
    plain = Timm("test_vit", weights=save(tmp_path / "a.pth", vit.state_dict()))
    assert Timm("test_vit", weights=save(tmp_path / "b.pth", wrapped)).fingerprint() == plain.fingerprint()


def test_fingerprint_follows_the_values(vit, tmp_path):
    first = Timm("test_vit", weights=save(tmp_path / "a.pth", vit.state_dict())).fingerprint()
    vit.blocks[0].mlp.fc1.bias.data[0] += 1
    second = Timm("test_vit", weights=save(tmp_path / "b.pth", vit.state_dict())).fingerprint()
    assert len(first) == len(second) == 16 and int(first, 16) != int(second, 16)
    assert Timm("test_vit", pretrained=False).fingerprint() == "random"


def test_every_key_must_find_its_place(vit, tmp_path):
    state = vit.state_dict()
    del state["blocks.1.attn.qkv.weight"]
    state["blocks.1.attn.kqv.weight"] = torch.zeros(1)
    state["blocks.2.norm1.bias"] = torch.zeros(5)
    with pytest.raises(BadWeights) as error:
        Timm("test_vit", weights=save(tmp_path / "vit.safetensors", state))
    text = str(error.value)
    assert "vit.safetensors does not fit this VisionTransformer" in text
    assert "missing: blocks.1.attn.qkv.weight;" in text
    assert "unexpected: blocks.1.attn.kqv.weight;" in text
    assert "of another shape: blocks.2.norm1.bias)" in text


def test_weights_of_another_model_are_refused(vit, tmp_path, pair):
    net = pair("swin").net
    path = save(tmp_path / "swin.pth", net.state_dict())
    with pytest.raises(BadWeights, match=r"missing: .* and \d+ more; unexpected: layers\.0\.blocks"):
        Timm("test_vit", weights=path)
    with pytest.raises(
        BadWeights, match=r"does not fit this SwinTransformer .*pass the weights of this very"
    ):
        weights.load(net, vit.state_dict(), "vit.pth")
    deeper = net.state_dict() | {
        "layers.2.blocks.9.attn.relative_position_bias_table": torch.zeros(49, 4),
    }
    with pytest.raises(BadWeights, match=r"unexpected: layers\.2\.blocks\.9"):
        weights.load(net, deeper, "deeper.pth")


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_truncated_files_are_refused(vit, tmp_path, suffix):
    path = tmp_path / f"vit{suffix}"
    save(path, vit.state_dict())
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(BadWeights, match=r"cannot be read as weights .*; download it again"):
        Timm("test_vit", weights=str(path))


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    path = tmp_path / "trap.pth"
    torch.save({"a": Trap()}, path, pickle_module=pickle)
    with pytest.raises(BadWeights, match=r"trap\.pth cannot be read as weights"):
        Timm("test_vit", weights=str(path))
    assert not (tmp_path / "sprung").exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(
        WeightsUnavailable, match=r"no file of weights at .*gone\.pth; correct `backbone\.weights`"
    ):
        Timm("test_vit", weights=str(tmp_path / "gone.pth"))


def test_a_model_without_hub_weights_says_so():
    with pytest.raises(WeightsUnavailable, match='timm has no hub weights for "test_vit4"; get the file'):
        Timm("test_vit4")


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.setattr(huggingface_hub.constants, name, str(tmp_path), raising=False)
    monkeypatch.setattr(huggingface_hub.file_download, "HF_HUB_CACHE", str(tmp_path), raising=False)
    return monkeypatch


@pytest.mark.parametrize("answers", [False, True], ids=["refused", "silent"])
def test_an_unreachable_hub_is_one_quick_clear_error(empty_cache, answers):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if answers:  # accepts the connection and then says nothing
            server.listen()
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        empty_cache.setattr(huggingface_hub.constants, "ENDPOINT", endpoint)
        empty_cache.setattr(weights, "TIMEOUT", 0.5)
        started = time.monotonic()
        with pytest.raises(WeightsUnavailable) as error:
            Timm("test_vit")
    assert time.monotonic() - started < 5
    text = str(error.value)
    assert '"test_vit" (https://huggingface.co/timm/test_vit.r160_in1k)' in text
    assert "set `backbone.weights=PATH`" in text and "\n" not in text


def test_the_local_cache_needs_no_network(vit, tmp_path, monkeypatch):
    path = save(tmp_path / "model.safetensors", vit.state_dict())
    asked = []
    monkeypatch.setattr(
        huggingface_hub,
        "try_to_load_from_cache",
        lambda repo, name, revision: asked.append((repo, name)) or path,
    )
    monkeypatch.setattr(huggingface_hub, "get_session", lambda: pytest.fail("went to the network"))
    assert Timm("test_vit").fingerprint() == Timm("test_vit", weights=path).fingerprint()
    assert asked == [("timm/test_vit.r160_in1k", "model.safetensors")]


def test_small_images_resize_the_bias_tables_of_swin(tmp_path):
    from timm.models.swin_transformer import SwinTransformer

    options = {"embed_dim": 8, "depths": (1, 1, 1, 1), "num_heads": (1, 1, 1, 1), "num_classes": 0}
    large, small = (
        SwinTransformer(img_size=size, window_size=7, **options) for size in ((224, 224), (96, 128))
    )
    for stage in large.layers:  # linear in the offset, so that interpolation inside the old range is exact
        table = stage.blocks[0].attn.relative_position_bias_table
        table.data.copy_(torch.arange(-6.0, 7.0).repeat_interleave(13)[:, None])
    weights.load(small, large.state_dict(), "large")
    attn = small.layers[3].blocks[0].attn
    assert attn.window_size == (3, 4)
    rows = attn.relative_position_bias_table.view(5, 7)
    assert torch.all(rows.diff(dim=0) > 0) and torch.allclose(rows, rows[:, :1].expand(5, 7), atol=1e-4)
