import copy
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from facequal.models.backbones import Backbone, decay_parameter_groups
from facequal.models.iresnet import IResNet, IRTiny
from tests.models.reference_ir import randomised, reference_features

PUBLISHED: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("published_ir_layouts.json").read_text())


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_layout(name: str) -> None:
    published = PUBLISHED[name]
    depth: Any = int(name.rpartition("_")[2])
    with torch.device("meta"):
        network = IResNet(depth, squeeze_excitation="_se_" in name)
    state = network.state_dict()
    for key, shape in published["some_entries"].items():
        assert list(state[key].shape) == shape
    lines = "\n".join(f"{key} {'x'.join(map(str, value.shape))} {value.dtype}" for key, value in state.items())
    assert len(state) == published["num_entries"]
    assert hashlib.sha256(lines.encode()).hexdigest() == published["sha256"]
    assert sum(parameter.numel() for parameter in network.parameters()) == published["num_parameters"]
    assert len(list(network.buffers())) == published["num_buffers"]
    assert sum(isinstance(module, nn.Conv2d) for module in network.modules()) == published["num_convolutions"]
    decayed, undecayed = decay_parameter_groups(network)
    assert (len(decayed), len(undecayed)) == (published["num_decayed"], published["num_undecayed"])


@pytest.mark.parametrize(("depth", "squeeze_excitation"), [(18, False), (34, False), (50, True)])
def test_forward_equals_reference(depth: Any, squeeze_excitation: bool) -> None:
    torch.manual_seed(0)
    network = IResNet(depth, embedding_dim=8, input_size_px=32, squeeze_excitation=squeeze_excitation).double().eval()
    network.load_state_dict(randomised(network.state_dict()))
    images = torch.rand(2, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        embedding, norm = network(images)
        features = reference_features(network.state_dict(), (images - 0.5) / 0.5)
    torch.testing.assert_close(embedding * norm, features)
    torch.testing.assert_close(norm, features.square().sum(1, keepdim=True).sqrt())
    assert embedding.shape == (2, 8)
    assert norm.shape == (2, 1)


def test_initial_weights_are_kaiming_fan_out() -> None:
    torch.manual_seed(0)
    network = IResNet(18, embedding_dim=8, input_size_px=16)
    stem, linear = network.get_parameter("input_layer.0.weight"), network.get_parameter("output_layer.3.weight")
    assert stem.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)  # fan in would be 3 * 9
    assert linear.std().item() == pytest.approx((2 / 8) ** 0.5, rel=0.05)
    assert not network.get_parameter("output_layer.3.bias").any()


def test_tiny_network() -> None:
    network = IRTiny()
    assert 0.7e6 < sum(parameter.numel() for parameter in network.parameters()) < 0.9e6
    assert network.embedding_dim == 128
    embedding, norm = network(torch.rand(2, 3, 112, 112))
    assert embedding.shape == (2, 128)
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2))
    (embedding.sum() + norm.sum()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_tiny_network_has_the_same_values_in_any_memory_format() -> None:
    network = IRTiny(embedding_dim=8, input_size_px=32).eval()
    contiguous = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(network(images), contiguous(images))


@pytest.mark.parametrize("final_norm", ["none", "affine"])
def test_zero_feature_gives_no_nan(final_norm: Any) -> None:
    network = IRTiny(embedding_dim=4, input_size_px=16, final_norm=final_norm).eval()
    linear = network.output_layer[3]
    assert isinstance(linear, nn.Linear)
    nn.init.zeros_(linear.weight)
    embedding, norm = network(torch.rand(2, 3, 16, 16))
    assert torch.equal(embedding, torch.zeros(2, 4))
    assert torch.equal(norm, torch.zeros(2, 1))
    (embedding.sum() + norm.sum()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters() if parameter.grad is not None)


def test_autocast_leaves_norm_and_division_in_float32() -> None:
    network = IRTiny(embedding_dim=16, input_size_px=32).eval()
    images = torch.rand(4, 3, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        embedding, norm = network(images)
    assert embedding.dtype == norm.dtype == torch.float32
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(4), rtol=0, atol=1e-6)


def test_images_are_left_as_they_are() -> None:
    images = torch.rand(2, 3, 16, 16)
    before = images.clone()
    IRTiny(4, 16).eval()(images)
    assert torch.equal(images, before)


def test_bgr_network_swaps_inside() -> None:
    rgb = IRTiny(embedding_dim=4, input_size_px=16).eval()
    bgr = IRTiny(embedding_dim=4, input_size_px=16, colour_order="bgr").eval()
    weights = dict(rgb.state_dict())  # a plain dict records no colour order
    weights["input_layer.0.weight"] = weights["input_layer.0.weight"][:, [2, 1, 0]]
    bgr.load_state_dict(weights)
    assert bgr.colour_order == "bgr"
    images = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(bgr(images), rgb(images))
    assert not torch.allclose(bgr(images)[0], bgr(images.flip(1))[0])


@pytest.mark.parametrize("nested", [False, True])
def test_colour_order_is_saved_with_the_weights(nested: bool) -> None:
    saved: nn.Module = IRTiny(embedding_dim=4, input_size_px=16, colour_order="bgr")
    fresh = IRTiny(embedding_dim=4, input_size_px=16)
    file = io.BytesIO()
    torch.save((nn.ModuleDict({"backbone": saved}) if nested else saved).state_dict(), file)
    file.seek(0)
    target = nn.ModuleDict({"backbone": fresh}) if nested else fresh
    target.load_state_dict(torch.load(file, weights_only=True))
    assert fresh.colour_order == "bgr"


def test_dropout_reaches_the_features() -> None:
    torch.manual_seed(0)
    network = IRTiny(embedding_dim=4, input_size_px=16, dropout=0.5, final_norm="none")
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    images = torch.rand(1, 3, 16, 16)
    assert not torch.equal(network(images)[0], network(images)[0])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: IResNet(100), r"depth must be one of \[18, 34, 50, 101\] \(IR-100 is 101\), got 100"),
        (lambda: IResNet(18, input_size_px=100), "positive multiple of 16, got 100"),
        (lambda: IRTiny(input_size_px=0), "positive multiple of 16, got 0"),
        (lambda: IRTiny(embedding_dim=0), "embedding_dim must be at least 1, got 0"),
        (lambda: IRTiny(final_norm="layer"), "final_norm must be 'plain', 'affine' or 'none', got 'layer'"),
        (lambda: IRTiny(colour_order="grb"), r"colour_order must be one of \('rgb', 'bgr'\), got 'grb'"),
    ],
)
def test_bad_arguments(build: Callable[[], Backbone], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


def test_bad_images() -> None:
    network = IRTiny(4, 16)
    with pytest.raises(TypeError, match="divide uint8 images by 255"):
        network(torch.zeros(2, 3, 16, 16, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"shape \(B, 3, 16, 16\), got \(2, 3, 32, 32\)"):
        network(torch.zeros(2, 3, 32, 32))
    with pytest.raises(ValueError, match=r"got \(2, 1, 16, 16\)"):
        network(torch.zeros(2, 1, 16, 16))
