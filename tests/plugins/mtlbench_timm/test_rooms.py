import pytest
import torch
from safetensors import safe_open

from mtlbench_timm import rooms
from mtlbench_timm.errors import BadWeights, WeightsUnavailable
from mtlbench_timm.export import export_backbone
from mtlbench_timm.rooms import RoomsSwin


@pytest.fixture
def random():
    torch.manual_seed(0)
    return RoomsSwin(pretrained=False).eval()


@torch.no_grad()
def test_levels_of_the_default_size_need_no_padding(random):
    padded = []
    for block in (block for stage in random.layers for block in stage.blocks):
        block.attn.qkv.register_forward_hook(
            lambda _m, inputs, _o: padded.append(inputs[0].shape[2] * inputs[0].shape[3])
        )
    levels = random(torch.randn(2, 3, 96, 128))
    assert [tuple(level.shape) for level in levels] == [
        (1, 2, 32, 24, 32),
        (1, 2, 64, 12, 16),
        (1, 2, 128, 6, 8),
        (1, 2, 256, 3, 4),
    ]
    assert padded == [768, 768, 192, 192, 48, 48, 48, 48, 12, 12]
    assert (random.channels, random.strides) == ((32, 64, 128, 256), (4, 8, 16, 32))
    assert random.fingerprint() == "random"


@torch.no_grad()
def test_other_sizes_are_padded(random):
    for height, width in ((97, 130), (192, 256), (33, 40)):
        for level, stride in zip(random(torch.randn(1, 3, height, width)), random.strides, strict=True):
            assert level.shape[-2:] == (-(-height // stride), -(-width // stride))
            assert level.isfinite().all()


@torch.no_grad()
def test_exported_weights_load_again(random, tmp_path):
    path = tmp_path / "rooms.safetensors"
    export_backbone(random, path, {"recipe": "none"})
    loaded = RoomsSwin(weights=str(path)).eval()
    for (name, ours), (_, theirs) in zip(loaded.named_parameters(), random.named_parameters(), strict=True):
        assert ours.dtype == torch.float32
        assert torch.equal(ours, theirs.half().float()), name
    assert len(loaded.fingerprint()) == 16
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"recipe": "none"}
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118


def test_merged_features_are_an_option(random):
    merged = RoomsSwin(pretrained=False, features="merged")
    assert (merged.channels, merged.strides) == ((64, 128, 256, 256), (8, 16, 32, 32))


def test_absent_packaged_weights_say_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(rooms, "WEIGHTS", tmp_path / "rooms_swin.safetensors")
    with pytest.raises(
        WeightsUnavailable, match="lacks the packaged weights of rooms-swin; install a release, or"
    ):
        RoomsSwin()


def test_foreign_weights_are_refused(random, tmp_path):
    path = tmp_path / "rooms.safetensors"
    random.layers[2].blocks[3].mlp.fc1 = torch.nn.Linear(3, 3)
    export_backbone(random, path, {})
    with pytest.raises(BadWeights, match=r"of another shape: layers\.2\.blocks\.3\.mlp\.fc1\.bias"):
        RoomsSwin(weights=str(path))
