"""The eleven operators, each against what it says it computes."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from facequal.methods.nasfe.network.operators import (
    OPERATORS,
    Deveiling,
    FourierOperator,
    Res2Block,
    ResidualOperator,
    SelfAttention,
    build_operator,
    wiener_divide,
)

C = 8
# At 40 channels, in thousands.
SIZES = {"none": 0, "skip": 0, "dil3": 2.0, "dil5": 2.7, "sep3": 4.1, "sep5": 5.4, "attn": 3.3, "res2": 6.2}
SIZES |= {"resop": 29.0, "deveil": 14.5, "fft": 14.6}


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, C, 9, 7, generator=torch.Generator().manual_seed(0))


def test_names_and_order():
    listed = ("none", "skip", "dil3", "dil5", "sep3", "sep5", "attn", "res2", "resop", "deveil", "fft")
    assert listed == OPERATORS
    with pytest.raises(ValueError, match="unknown operator 'conv'; known: none, skip"):
        build_operator("conv", C)


@pytest.mark.parametrize("name", OPERATORS)
def test_shapes_sizes_and_gradients(name, x):
    torch.manual_seed(0)
    operator = build_operator(name, C)
    x.requires_grad_()
    y = operator(x)
    assert y.shape == x.shape
    (y * torch.randn_like(y)).sum().backward()
    assert x.grad.isfinite().all()
    assert all(parameter.grad is not None for parameter in operator.parameters())
    count = sum(parameter.numel() for parameter in build_operator(name, 40).parameters())
    assert round(count / 1e3, 1) == SIZES[name]
    searched = build_operator(name, C, affine=False)
    assert not any(isinstance(layer, nn.GroupNorm) and layer.affine for layer in without_res2(searched))
    assert searched(x).shape == x.shape


def without_res2(module: nn.Module) -> list[nn.Module]:
    """The layers, but not the norms within a Res2Block, which belong to the block."""
    if isinstance(module, Res2Block):
        return []
    return [module, *(layer for child in module.children() for layer in without_res2(child))]


def test_none_and_skip(x):
    assert torch.equal(build_operator("none", C)(x), torch.zeros_like(x))
    assert torch.equal(build_operator("skip", C)(x), x)


def test_fourier_operator_is_a_wiener_filter(x):
    """Against NumPy's transforms, in float64."""
    operator = FourierOperator(C)
    first, second = (
        convolution(part).detach().double().numpy()
        for convolution, part in ((operator.numerator, x[:, : C // 2]), (operator.denominator, x[:, C // 2 :]))
    )
    for conjugate in (True, False):
        one, two = np.fft.fft2(first, norm="ortho"), np.fft.fft2(second, norm="ortho")
        quotient = (np.conj(two) if conjugate else two) * one / (np.abs(two) ** 2 + 0.01)
        expected = np.fft.ifft2(quotient, norm="ortho")
        assert np.abs(expected.imag).max() < 1e-12
        operator.conjugate = conjugate
        np.testing.assert_allclose(operator(x).detach().numpy(), expected.real, atol=1e-4)


def test_the_conjugate_undoes_a_blur():
    """The printed form, without it, makes the picture worse."""
    picture = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    picture = F.avg_pool2d(F.pad(picture, (2, 2, 2, 2), mode="circular"), 5, 1)
    kernel = torch.zeros(1, 1, 32, 32)
    kernel[..., :5, :5] = 1 / 25
    transform = torch.fft.rfft2
    blurred = torch.fft.irfft2(transform(picture) * transform(kernel), s=(32, 32))
    # the operator's transforms are orthonormal: a convolution there is one with 32 times the kernel
    errors = [
        float((wiener_divide(blurred, 32 * kernel, conjugate) - picture).square().mean()) for conjugate in (True, False)
    ]
    degraded = float((blurred - picture).square().mean())
    assert errors[0] < degraded / 4
    assert errors[1] > degraded


@pytest.mark.parametrize("name", ["fft", "attn", "res2", "deveil"])
def test_bf16_autocast(name, x):
    torch.manual_seed(0)
    operator = build_operator(name, C)
    x.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = operator(x)
    y.float().square().sum().backward()
    assert x.grad.isfinite().all()
    torch.testing.assert_close(y.float(), operator(x), atol=0.15, rtol=0.1)


def test_self_attention(x):
    attention = SelfAttention(C)
    assert torch.equal(attention(x), x)  # gamma is 0
    nn.init.constant_(attention.gamma, 0.7)
    flat = x.flatten(2)
    query, key, value = (layer.weight[:, :, 0, 0] @ flat for layer in (attention.query, attention.key, attention.value))
    weights = torch.softmax(query.transpose(1, 2) @ key / (C // 2) ** 0.5, dim=-1)
    attended = attention.leave.weight[:, :, 0, 0] @ (value @ weights.transpose(1, 2))
    torch.testing.assert_close(attention(x), x + 0.7 * attended.view_as(x), atol=1e-5, rtol=1e-5)


def test_self_attention_keeps_no_matrix_of_all_pairs():
    """What is saved for the backward pass grows with the number of positions, not with its square."""

    def saved_bytes(side: int) -> int:
        kept: dict[int, int] = {}

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            SelfAttention(C)(torch.rand(1, C, side, side, requires_grad=True))
        return sum(kept.values())

    assert saved_bytes(32) < 4.5 * saved_bytes(16)


def test_res2block_hands_on_from_scale_to_scale():
    block = Res2Block(16).double()
    x = torch.randn(1, 16, 5, 5, dtype=torch.float64)
    parts = block.enter(x).split(4, dim=1)
    second = block.paths[0](parts[1])
    third = block.paths[1](second + parts[2])
    fourth = block.paths[2](third + parts[3])
    expected = x + block.leave(torch.cat((parts[0], second, third, fourth), dim=1))
    torch.testing.assert_close(block(x), expected)
    uneven = Res2Block(10)
    assert uneven(torch.rand(1, 10, 4, 4)).shape == (1, 10, 4, 4)
    assert uneven.parts == [4, 2, 2, 2]
    with pytest.raises(ValueError, match="channels must be at least 4, got 3"):
        Res2Block(3)


def test_deveiling_begins_as_the_identity(x):
    torch.manual_seed(0)
    for number in (1, 2):
        deveiling = Deveiling(C, number)
        assert (deveiling(x) - x).abs().mean() < 0.15
        torch.testing.assert_close(deveiling(x), x * deveiling.gain(x))


def test_residual_operator_takes_off(x):
    operator = ResidualOperator(C)
    torch.testing.assert_close(operator(x), x - operator.second(operator.first(x).clamp_min(0)))
    with pytest.raises(ValueError, match="channels must be even, got 5"):
        FourierOperator(5)
