import pytest
import torch

from facequal.methods.restoration.networks import DnCNN, UNet


def num_parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_both_have_as_many_parameters():
    # 3x3 convolutions 3-64, 15 times 64-64 and 64-3, with bias in the first and two numbers per channel of BatchNorm
    assert num_parameters(DnCNN()) == 9 * (3 * 64 + 15 * 64 * 64 + 64 * 3) + 64 + 15 * 128
    assert num_parameters(UNet()) == pytest.approx(num_parameters(DnCNN()), rel=0.01)


@pytest.mark.parametrize("size", [(16, 16), (17, 21), (4, 5)])
@pytest.mark.parametrize("network", [DnCNN(4, 8), UNet((4, 8, 8))], ids=["dncnn", "unet"])
def test_any_size_comes_back(network, size):
    images = torch.rand(2, 3, *size)
    assert network(images).shape == images.shape
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_a_unet_begins_with_the_input_and_uses_all_its_parameters():
    torch.manual_seed(0)
    network, images = UNet((4, 8, 8)), torch.rand(2, 3, 16, 16)
    assert torch.equal(network(images), images)
    torch.nn.init.normal_(network.last.weight, std=0.1)
    (network(images) - 0.5).square().mean().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in network.parameters())


def test_wrong_sizes_are_named():
    with pytest.raises(ValueError, match="depth must be at least 2, got 1"):
        DnCNN(1)
    with pytest.raises(ValueError, match=r"widths must be positive multiples of 4, got \(4, 6, 8\)"):
        UNet((4, 6, 8))
