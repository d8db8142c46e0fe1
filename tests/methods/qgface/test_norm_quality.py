"""Quality read off the norm."""

from typing import Any

import pytest
import torch

from facequal.methods.qgface.norm_quality import NormQuality
from facequal.models.heads import AdaFaceHead


@pytest.mark.parametrize("init_stats", ["published", "first_batch", "zero"])
def test_quality_is_that_of_an_adaface_head(init_stats: Any) -> None:
    quality, head = NormQuality(0.4, 0.9, init_stats), AdaFaceHead(4, 3, h=0.4, ema_decay=0.9, init_stats=init_stats)
    for step in range(3):
        norm = torch.rand(6, 1) * 30 + step
        head.loss(torch.nn.functional.normalize(torch.randn(6, 4)), norm, torch.zeros(6, dtype=torch.int64))
        torch.testing.assert_close(quality(norm), head.image_quality(norm).flatten())
    torch.testing.assert_close((quality.mean, quality.std), (head.batch_mean, head.batch_std))
    assert quality.num_updates.item() == 3


def test_from_zero_everything_is_good_at_first() -> None:
    generator = torch.Generator().manual_seed(0)
    quality = NormQuality(init_stats="zero")
    means = [quality(10 + 2 * torch.randn(128, generator=generator)).mean().item() for _ in range(301)]
    assert means[0] == 1
    assert means[50] > 0.95
    assert means[100] > 0.7
    assert abs(means[300]) < 0.2


def test_statistics_rest_in_evaluation() -> None:
    quality = NormQuality().eval()
    quality(torch.rand(5))
    assert quality.num_updates.item() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ema_decay": 1.0}, r"ema_decay must be in \[0, 1\), got 1.0"),
        ({"init_stats": "one"}, "init_stats must be one of .* got 'one'"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NormQuality(**arguments)
