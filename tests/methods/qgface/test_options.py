"""Options that cannot be are refused where they are given; the defaults are the paper's."""

import math
from typing import Any

import pytest

from facequal.methods.qgface.options import PAPER_CONTRAST, PAPER_PARTITION, Contrast, Partition, require_range
from tests.methods.qgface.tiny import qgface


def test_defaults_are_the_papers() -> None:
    assert (PAPER_PARTITION.threshold, PAPER_PARTITION.gate, PAPER_PARTITION.pair_quality) == (0.2, "hard", "low")
    assert (PAPER_CONTRAST.negatives, PAPER_CONTRAST.scale, PAPER_CONTRAST.weight) == ("proxy", 64.0, 1.0)
    assert (PAPER_CONTRAST.direction, PAPER_CONTRAST.same_identity) == ("paper", "remove")
    assert PAPER_CONTRAST.queue_size is None
    assert PAPER_CONTRAST.normalize_keys


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Contrast("memory"), r"contrast.negatives must be one of .* got 'memory'"),
        (lambda: Contrast(direction="back"), r"contrast.direction must be one of .* got 'back'"),
        (lambda: Contrast(same_identity="keep"), r"contrast.same_identity must be one of .* got 'keep'"),
        (lambda: Contrast(weight=-1), "contrast.weight must be at least 0, got -1"),
        (lambda: Contrast(queue_size=0), "contrast.queue_size must be at least 1, got 0"),
        (lambda: Contrast(warmup_epochs=float("nan")), "contrast.warmup_epochs must be at least 0, got nan"),
        (lambda: Partition(gate="sharp"), r"partition.gate must be one of .* got 'sharp'"),
        (lambda: Partition(pair_quality="worst"), r"partition.pair_quality must be one of .* got 'worst'"),
        (lambda: Partition(h=-1), "partition.h must be at least 0, got -1"),
        (lambda: qgface(partition=Partition(ema_decay=1)), r"ema_decay must be in \[0, 1\), got 1"),
        (lambda: qgface(partition=Partition(init_stats="one")), "init_stats must be one of .* got 'one'"),
        (lambda: qgface(contrast=Contrast("momentum", momentum=7)), r"momentum must be in \[0, 1\), got 7"),
        (lambda: Contrast(scale=0), "contrast.scale must be a positive number, got 0"),
        (lambda: Partition(1.5), r"partition.threshold must be in \[0, 1\], got 1.5"),
        (lambda: Partition(warmup_epochs=-1), "partition.warmup_epochs must be at least 0, got -1"),
    ],
)
def test_bad_options(build: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("value", [0, 1])
def test_ends_of_a_range_belong_to_it(value: float) -> None:
    require_range("name", value, 0, 1)
    with pytest.raises(ValueError, match=r"name must be in \[0, 1\], got nan"):
        require_range("name", math.nan, 0, 1)
