from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from facequal.models.iresnet import IRTiny
from facequal.models.vggface import VGGFace
from facequal.pretrained.frozen import FaceEmbedder, RecognizerFeatures, VGGFaceFeatures


@pytest.fixture
def weights(tmp_path: Path) -> str:
    torch.manual_seed(1)
    torch.save(IRTiny(colour_order="bgr").state_dict(), tmp_path / "tiny.pt")
    return str(tmp_path / "tiny.pt")


def test_the_embedder_sees_the_central_square(weights: str) -> None:
    embedder = FaceEmbedder(IRTiny(), weights)
    network = IRTiny(colour_order="bgr").eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    images = torch.rand(3, 3, 140, 120) * 1.2
    square = images[:, :, 10:130].clamp(0, 1)
    small = F.interpolate(square, size=(112, 112), mode="bicubic", antialias=True).clamp(0, 1)
    torch.testing.assert_close(embedder(images), network(small)[0], atol=1e-5, rtol=1e-4)
    exact = torch.rand(70, 3, 112, 112)  # more than are embedded at once
    torch.testing.assert_close(embedder(exact), network(exact)[0], atol=1e-5, rtol=1e-4)
    assert not embedder(images.requires_grad_()).requires_grad


@pytest.mark.parametrize(
    ("layer", "shape"), [("body", (96, 7, 7)), ("body.1", (48, 14, 14)), ("input_layer", (24, 28, 28))]
)
def test_features_of_a_layer_of_a_recogniser(layer: str, shape: tuple[int, ...], weights: str) -> None:
    features = RecognizerFeatures(IRTiny(), weights, [layer])
    network = IRTiny(colour_order="bgr").eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    images = torch.rand(2, 3, 112, 112, requires_grad=True)
    outputs = features(images)
    assert outputs.shape == (2, *shape)
    assert features.num_channels == shape[0]
    x = network.input_layer((images.flip(1) - 0.5) * 2)
    expected = {"input_layer": x, "body": network.body(x), "body.1": network.body[:2](x)}[layer]
    torch.testing.assert_close(outputs, expected, atol=1e-5, rtol=1e-4)
    outputs.sum().backward()
    assert images.grad is not None
    assert all(parameter.grad is None for parameter in features.parameters())
    # any size, of which the embedding layer would take none
    assert features(torch.rand(1, 3, 176, 144)).shape[2:] == (shape[1] * 176 // 112, shape[2] * 144 // 112)


def test_features_of_several_layers(weights: str) -> None:
    features = RecognizerFeatures(IRTiny(), weights, ["body.1", "input_layer"])
    assert features.num_channels == 48 + 24
    images = torch.rand(2, 3, 112, 112)
    small, large = (RecognizerFeatures(IRTiny(), weights, [layer])(images) for layer in ("body.1", "input_layer"))
    outputs = features(images)
    assert torch.equal(outputs[:, 48:], large)
    assert torch.equal(outputs[:, :48], small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
    assert not any(module._forward_hooks for module in features.modules())


def test_a_recogniser_without_weights_warns() -> None:
    with pytest.warns(UserWarning, match="IRTiny has random weights: terms on its features mean nothing"):
        RecognizerFeatures(IRTiny())


def test_frozen_networks_stay_in_evaluation_mode(weights: str) -> None:
    features = RecognizerFeatures(IRTiny(), weights)
    before = {name: value.clone() for name, value in features.state_dict().items()}
    features.train()
    features(torch.rand(4, 3, 112, 112))
    assert not any(module.training for module in features.modules())
    assert all(torch.equal(value, before[name]) for name, value in features.state_dict().items())
    assert not any(parameter.requires_grad for parameter in features.parameters())


def test_vggface_without_weights_warns(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="VGGFace has random weights: perceptual and identity terms .* mean nothing"):
        random = VGGFaceFeatures(layer="pool2")
    assert random.num_channels == 128
    torch.save(VGGFace().state_dict(), tmp_path / "vgg.pth")
    loaded = VGGFaceFeatures(str(tmp_path / "vgg.pth"), colour_order="bgr")
    assert loaded(torch.rand(1, 3, 16, 16)).shape == (1, 256, 2, 2)
    assert loaded.num_channels == 256


def test_wrong_layers_are_named(weights: str) -> None:
    for layer in ("fc6", "x", "conv1"):
        with pytest.raises(ValueError, match=rf"layer must be one of .*'pool5'\), got '{layer}'"):
            VGGFaceFeatures(layer=layer)
    with pytest.raises(ValueError, match=r"IRTiny has no layer 'head'; it has input_layer, input_layer.0, .*body.2"):
        RecognizerFeatures(IRTiny(), weights, ["head"])
    with pytest.raises(ValueError, match="IRTiny needs at least one of its layers; it has input_layer"):
        RecognizerFeatures(IRTiny(), weights, [])
    with pytest.raises(ValueError, match=r"layers: 'output_layer' gives \(1, 128\), not features \(B,C,h,w\)"):
        RecognizerFeatures(IRTiny(), weights, ["output_layer"])
