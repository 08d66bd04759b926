"""The road from a pretraining run to packaged weights."""

import pytest
import torch
from safetensors import safe_open

from mtlbench.engine import checkpoint
from mtlbench_timm.export import main
from mtlbench_timm.rooms import RoomsSwin


def test_a_run_becomes_weights_that_load_again(tmp_path):
    torch.manual_seed(0)
    trained = RoomsSwin(pretrained=False)
    state = {f"backbone.{name}": value for name, value in trained.state_dict().items()}
    state["decoder.weight"] = torch.zeros(1)
    content = {"identity": {"config": "0" * 64, "seed": 3}, "model": state}
    checkpoint.save(tmp_path / "checkpoints", 7, content)
    main(str(tmp_path), str(tmp_path / "weights.safetensors"))
    loaded = RoomsSwin(weights=str(tmp_path / "weights.safetensors"))
    for name, value in trained.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, rtol=1e-3, atol=1e-6)
    with safe_open(tmp_path / "weights.safetensors", "pt") as file:
        assert file.metadata() == {
            "recipe": "configs/pretrain_rooms_swin.py", "config": "0" * 64, "seed": "3", "step": "7"
        }  # fmt: skip


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="has no checkpoint"):
        main(str(tmp_path), str(tmp_path / "weights.safetensors"))


def test_the_packaged_weights_say_how_they_were_made():
    from mtlbench_timm.rooms import WEIGHTS

    with safe_open(WEIGHTS, "pt") as file:
        assert file.metadata()["recipe"] == "configs/pretrain_rooms_swin.py"
