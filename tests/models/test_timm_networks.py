"""timm's networks without downloads: their names and their local weights."""

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from facequal.models.backbones import TimmBackbone


def test_unknown_timm_name() -> None:
    with pytest.raises(ValueError, match=r"timm has no model 'resnet5O'; close matches: .*resnet50"):
        TimmBackbone("resnet5O")
    with pytest.raises(ValueError, match=r"`timm\.list_models"):
        TimmBackbone("qqqqqq")


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_local_timm_weights(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    source = timm.create_model("test_resnet", pretrained=False)
    save_file(source.state_dict(), path) if suffix == ".safetensors" else torch.save(source.state_dict(), path)
    network = TimmBackbone("test_resnet", 4, 32, pretrained_path=path).network
    for key, value in network.state_dict().items():
        assert torch.equal(value, source.state_dict()[key]), key


def test_position_embedding_is_resized(tmp_path: Path) -> None:
    path = tmp_path / "vit.pt"
    source = timm.create_model("test_vit", pretrained=False)
    with torch.no_grad():
        source.pos_embed.fill_(0.25)
    torch.save({"state_dict": source.state_dict()}, path)
    network = TimmBackbone("test_vit", 4, 64, pretrained_path=path).network
    position = network.get_parameter("pos_embed")
    assert position.shape[1] < source.pos_embed.shape[1]
    torch.testing.assert_close(position, torch.full_like(position, 0.25))


def test_wrong_timm_weights(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.pt does not exist"):
        TimmBackbone("test_resnet", 4, 32, pretrained_path=tmp_path / "nothing.pt")
    weights = timm.create_model("test_resnet", pretrained=False).state_dict()
    del weights["bn1.weight"]
    weights["bn1.bias"] = weights["bn1.bias"][:-1]
    weights["extra"] = torch.zeros(1)
    torch.save(weights, tmp_path / "wrong.pt")
    with pytest.raises(
        ValueError, match=r"\(3 problems\): bn1\.bias has shape .*missing bn1\.weight; unexpected extra"
    ):
        TimmBackbone("test_resnet", 4, 32, pretrained_path=tmp_path / "wrong.pt")


def test_timm_files_that_are_no_state_dict(tmp_path: Path) -> None:
    path = tmp_path / "odd.pt"
    for content, message in (
        ({"epoch": 3}, "must hold a state dict of tensors"),
        ([torch.zeros(1)], "must hold a state dict of tensors"),
        (nn.Linear(1, 1), r"odd\.pt cannot be read safely: save it by torch\.save"),
    ):
        torch.save(content, path)
        with pytest.raises(ValueError, match=message):
            TimmBackbone("test_resnet", 4, 32, pretrained_path=path)
