import pytest
import torch
from torch import Tensor
from torchvision.models import vgg16

from facequal.models.vggface import VGGFace, vgg_channels
from facequal.pretrained.importing import load_vggface

LAYERS = ("pool1", "pool2", "pool3", "pool4", "pool5")


@pytest.fixture(scope="module")
def torchvision_features() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return vgg16(weights=None).features.eval()


# The convolutions of torchvision's `features`, in order, and the names that the published files give them.
PLACES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
NAMES = (
    *("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3"),
    *("conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3"),
)


def as_published(features: torch.nn.Sequential, style: str) -> dict[str, Tensor]:
    called = {
        "dag": dict(zip(PLACES, NAMES, strict=True)),
        "torchvision": {place: f"features.{place}" for place in PLACES},
        "sequential": {place: str(place) for place in PLACES},
    }[style]
    return {
        f"{called[int(place)]}.{part}": value
        for (place, part), value in ((key.split("."), value) for key, value in features.state_dict().items())
    }


@pytest.mark.parametrize("style", ["dag", "torchvision", "sequential"])
def test_features_are_those_of_vgg16(style, tmp_path, torchvision_features):
    state = as_published(torchvision_features, style)
    torch.save(state | {"fc6.weight": torch.zeros(2, 2)}, tmp_path / "vgg.pth")
    network = VGGFace()
    load_vggface(network, tmp_path / "vgg.pth", "rgb")
    images = torch.rand(2, 3, 32, 64)
    x = images * 255 - torch.tensor([129.1863, 104.7624, 93.5940]).view(1, 3, 1, 1)
    for layer, end in zip(LAYERS, (4, 9, 16, 23, 30), strict=True):
        expected = torchvision_features[: end + 1](x)
        torch.testing.assert_close(network(images, layer), expected, atol=2e-4, rtol=1e-4)
        assert expected.shape[1] == vgg_channels(layer)


def test_weights_for_bgr_take_rgb_afterwards(tmp_path, torchvision_features):
    torch.save(as_published(torchvision_features, "dag"), tmp_path / "vgg.pth")
    network = VGGFace()
    load_vggface(network, tmp_path / "vgg.pth", "bgr")
    images = torch.rand(1, 3, 16, 16)
    bgr = images.flip(1) * 255 - torch.tensor([93.5940, 104.7624, 129.1863]).view(1, 3, 1, 1)
    torch.testing.assert_close(network(images, "pool1"), torchvision_features[:5](bgr), atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize(("size", "expected"), [((176, 144), (22, 18)), ((30, 21), (4, 3))])
def test_pooling_rounds_up(size, expected):
    assert VGGFace()(torch.rand(1, 3, *size), "pool3").shape == (1, 256, *expected)


def test_wrong_layers_and_files_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"layer must be one of .* got 'fc6'"):
        VGGFace()(torch.rand(1, 3, 8, 8), "fc6")
    torch.save({"conv1_1.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "part.pth")
    with pytest.raises(ValueError, match=r"part.pth does not fit the network .*\n  25 missing: conv1_1.bias, conv1_2"):
        load_vggface(VGGFace(), tmp_path / "part.pth", "rgb")
    with pytest.raises(ValueError, match=r"colour_order must be one of .* got 'grb'"):
        load_vggface(VGGFace(), tmp_path / "part.pth", "grb")
    with pytest.raises(FileNotFoundError, match="there are no weights at"):
        load_vggface(VGGFace(), tmp_path / "none.pth", "rgb")
