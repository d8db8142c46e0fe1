import socket
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from facequal.models.backbones import TimmBackbone, decay_parameter_groups, unit_and_norm
from facequal.models.heads import CosFaceHead
from facequal.models.iresnet import IRTiny


def test_unit_and_norm() -> None:
    features = torch.tensor([[3.0, 4.0], [0.0, 0.0], [1e-9, 0.0]], requires_grad=True)
    unit, norm = unit_and_norm(features)
    assert norm.ravel().tolist() == pytest.approx([5.0, 0.0, 1e-9])
    assert unit[0].tolist() == pytest.approx([0.6, 0.8])
    assert unit[1].tolist() == [0.0, 0.0]
    (unit.sum() + norm.sum()).backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_unit_and_norm_of_half_precision() -> None:
    # 300 is in range, its square is not.
    _, norm = unit_and_norm(torch.tensor([[300.0, 400.0]], dtype=torch.float16))
    assert norm.dtype == torch.float32
    assert norm.item() == 500.0
    assert unit_and_norm(torch.ones(1, 2, dtype=torch.float64))[1].dtype == torch.float64


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "mobilenetv3_small_050"])
def test_any_timm_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise OSError("a download was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    torch.manual_seed(0)
    backbone = TimmBackbone(name, embedding_dim=8, size_px=64).eval()
    images = torch.rand(2, 3, 64, 64)
    embedding, norm = backbone(images)
    assert embedding.shape == (2, backbone.embedding_dim) == (2, 8)
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2))
    config = timm.get_pretrained_cfg(name)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (config.mean, config.std))
    features = backbone.embedding(backbone.network((images - mean) / std))
    torch.testing.assert_close(embedding * norm, features)


def test_bgr_timm_network_normalises_before_it_swaps() -> None:
    # Only then can the first convolution be reordered without touching the mean, which differs by channel.
    rgb = TimmBackbone("test_resnet", 4, 32).eval()
    bgr = TimmBackbone("test_resnet", 4, 32, colour_order="bgr").eval()
    weights = dict(rgb.state_dict())
    weights["network.conv1.0.weight"] = weights["network.conv1.0.weight"].flip(1)
    bgr.load_state_dict(weights)
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(bgr(images), rgb(images))


def names_of(module: nn.Module, parameters: list[nn.Parameter]) -> set[str]:
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    return {names[id(parameter)] for parameter in parameters}


def test_decay_groups_of_backbone_and_head() -> None:
    module = nn.ModuleDict({"backbone": IRTiny(4, 16, final_norm="affine"), "head": CosFaceHead(4, 3)})
    decayed, undecayed = (names_of(module, group) for group in decay_parameter_groups(module))
    assert {"head.weight", "backbone.output_layer.3.bias", "backbone.input_layer.2.weight"} <= decayed
    assert {"backbone.output_layer.4.weight", "backbone.input_layer.1.bias"} <= undecayed
    assert decayed | undecayed == {name for name, _ in module.named_parameters()}
    assert not decayed & undecayed


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "convnext_atto"])
def test_decay_groups_cover_timm_networks(name: str) -> None:
    backbone = TimmBackbone(name, 4, 64)
    decayed, undecayed = decay_parameter_groups(backbone)
    assert len(decayed) + len(undecayed) == len(list(backbone.parameters()))
    assert {id(p) for p in decayed}.isdisjoint({id(p) for p in undecayed})
    for full_name in names_of(backbone, undecayed):
        owner_name, _, own_name = full_name.rpartition(".")
        is_norm = isinstance(backbone.get_submodule(owner_name), nn.BatchNorm2d | nn.LayerNorm)
        assert is_norm or own_name in ("pos_embed", "cls_token", "gamma"), full_name
    for full_name in names_of(backbone, decayed):
        owner = backbone.get_submodule(full_name.rpartition(".")[0])
        assert isinstance(owner, nn.Conv2d | nn.Linear), full_name
    if name == "test_vit":
        assert {"network.pos_embed", "network.cls_token"} <= names_of(backbone, undecayed)
        assert "network.blocks.0.attn.qkv.bias" in names_of(backbone, decayed)


class Mixed(nn.Module):
    """Own parameters beside children, one of them shared: what a walk over leaf modules loses or counts twice."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 4))
        self.scale = nn.Parameter(torch.zeros(4))
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.norm = nn.LayerNorm(4)
        self.custom = RescaleNorm()

    def no_weight_decay(self) -> set[str]:
        return {"token"}


class RescaleNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.zeros(2, 2))

    def forward(self, x: Tensor) -> Tensor:
        return x


def test_decay_groups_of_modules_with_children_and_parameters() -> None:
    module = nn.Sequential(Mixed())
    groups = decay_parameter_groups(module)
    decayed, undecayed = (names_of(module, group) for group in groups)
    assert decayed == {"0.first.weight", "0.first.bias", "0.second.bias"}
    assert undecayed == {"0.token", "0.scale", "0.norm.weight", "0.norm.bias", "0.custom.matrix"}
    assert sum(map(len, groups)) == 8
