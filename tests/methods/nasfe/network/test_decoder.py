"""The decoder: sizes, where it begins, and that all it is given has an effect."""

import pytest
import torch

from facequal.methods.nasfe.network.decoder import Decoder
from facequal.methods.nasfe.network.encoders import Encoded


def encoded() -> list[Encoded]:
    generator = torch.Generator().manual_seed(0)
    sizes = ((4, 16, 24), (8, 8, 12), (6, 4, 6))
    return [Encoded(*(torch.rand(2, *size, generator=generator) for size in sizes)) for _ in range(2)]


def test_it_begins_with_no_change() -> None:
    decoder = Decoder(12, skips=(16, 8), widths=(8, 8, 4))
    assert torch.equal(decoder(torch.rand(2, 12, 4, 6), encoded()), torch.zeros(2, 3, 16, 24))


def test_the_published_size() -> None:
    assert sum(parameter.numel() for parameter in Decoder().parameters()) == 522_611


@pytest.mark.parametrize("changed", ["fused", "full", "half"])
def test_fused_features_and_skips_of_every_encoder_count(changed: str) -> None:
    torch.manual_seed(0)
    decoder, fused = Decoder(12, skips=(16, 8), widths=(8, 8, 4)), torch.rand(2, 12, 4, 6)
    torch.nn.init.normal_(decoder.leave[-1].weight)  # type: ignore[arg-type]
    before = decoder(fused, encoded())
    if changed == "fused":
        assert not torch.allclose(decoder(fused + 1 - 2 * torch.rand(2, 12, 4, 6), encoded()), before)
        return
    for number in (0, 1):
        others = encoded()
        others[number] = others[number]._replace(**{changed: 1 - getattr(others[number], changed)})
        assert not torch.allclose(decoder(fused, others), before)
    features = [encoder_output._replace(features=torch.zeros(())) for encoder_output in encoded()]
    assert torch.equal(decoder(fused, features), before)  # those go through the fusion
