"""Encoders: their operators, their sizes, and the class vector."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from facequal.methods.nasfe.network.encoders import BLOCKS, ClassModulation, Deblurring, Encoder
from facequal.methods.nasfe.network.operators import Deveiling, Res2Block, ResidualOperator

TINY: dict[str, Any] = {"widths": (8, 12, 16), "channels": 6}


@pytest.mark.parametrize(
    ("degraded", "operator", "millions"),
    [("blur", Deblurring, 1.47), ("noise", ResidualOperator, 1.73), ("low_light", Deveiling, 1.73)],
)
def test_blocks_alternate_with_the_operator_that_undoes_the_degradation(
    degraded: Any, operator: Any, millions: float
) -> None:
    encoder = Encoder(degraded)
    stages = (encoder.at_full, encoder.at_half, encoder.at_quarter)
    for stage, number in zip(stages, BLOCKS[degraded], strict=True):
        assert [type(layer) for layer in stage] == [Res2Block, operator] * number
    assert sum(parameter.numel() for parameter in encoder.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)


def test_three_resolutions() -> None:
    encoder = Encoder("low_light", **TINY, blocks=(1, 1, 2))
    full, half, features = encoder(torch.rand(2, 3, 16, 24))
    assert (full.shape, half.shape, features.shape) == ((2, 8, 16, 24), (2, 12, 8, 12), (2, 6, 4, 6))


def test_the_class_vector_scales_and_shifts() -> None:
    torch.manual_seed(0)
    modulation, x, classes = ClassModulation(4), torch.rand(2, 4, 3, 5), torch.rand(2, 3)
    assert torch.equal(modulation(x, classes), x)
    torch.nn.init.normal_(modulation.linear.weight)
    torch.nn.init.normal_(modulation.linear.bias)
    factors = classes @ modulation.linear.weight.T + modulation.linear.bias
    expected = torch.stack([x[i] * (1 + factors[i, :4, None, None]) + factors[i, 4:, None, None] for i in range(2)])
    torch.testing.assert_close(modulation(x, classes), expected)
    encoder = Encoder("noise", **TINY, blocks=(1, 1, 1), class_prior=True)
    torch.nn.init.normal_(encoder.modulation.linear.weight)  # type: ignore[union-attr]
    images = torch.rand(2, 3, 8, 8)
    assert not torch.allclose(encoder(images, classes).full, encoder(images, 1 - classes).full)


def test_deblurring_is_a_residual() -> None:
    torch.manual_seed(0)
    layer, x = Deblurring(8), torch.rand(1, 8, 6, 6)
    torch.testing.assert_close(layer(x) - x, layer.operator(F.relu(layer.norm(x))))


def test_an_unknown_degradation() -> None:
    with pytest.raises(ValueError, match=r"degraded must be one of \('blur', 'noise', 'low_light'\), got 'dust'"):
        Encoder("dust")  # type: ignore[arg-type]
