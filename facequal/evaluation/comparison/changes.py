"""Figures before and after a change, their signed differences, and tables of them."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class NotMeasuredError(ValueError):
    """The reports lack what a table or picture is made of."""


class Statistic(NamedTuple):
    """A figure over seeds.

    Attributes:
        mean: Mean over the seeds; NaN if one of them lacks the figure.
        std: Sample standard deviation over the seeds (divided by seeds - 1); None for one seed or without a mean.
        num: Number of seeds.
    """

    mean: float
    std: float | None
    num: int


class Change(NamedTuple):
    """A figure before and after, and the difference after - before, positive where the figure has grown.

    The differences are taken seed by seed, so the standard deviation of `delta` is that of the paired differences.
    """

    before: Statistic
    after: Statistic
    delta: Statistic


@dataclass(frozen=True)
class Section:
    """The rows before, after and delta of one set and condition; `cells` holds a change per column."""

    protocol: str
    condition: str
    cells: Mapping[str, Change]


@dataclass(frozen=True)
class ComparisonTable:
    """A table of changes.

    Attributes:
        title: What the table shows.
        columns: In the order of the table; a section may lack some.
        sections: At least one.
        notes: What the reader must know, one sentence each.
        metric: `accuracy` or `eer`, as fractions.
    """

    title: str
    columns: Sequence[str]
    sections: Sequence[Section]
    notes: Sequence[str] = ()
    metric: str = "accuracy"


def statistic(values: Sequence[float]) -> Statistic:
    """Mean and sample standard deviation of at least one value; without a deviation if one of them is NaN."""
    mean = statistics.fmean(values)
    has_spread = len(values) > 1 and math.isfinite(mean)
    return Statistic(mean, statistics.stdev(values) if has_spread else None, len(values))


def change(before: Sequence[float], after: Sequence[float]) -> Change:
    """Compare figures seed by seed.

    Args:
        before: One value per seed, or a single one that is compared with all of `after`; NaN where there is none.
        after: One value per seed, or a single one likewise.

    Raises:
        ValueError: If both hold several values but not equally many, or one holds none.
    """
    num = max(len(before), len(after))
    if {len(before), len(after)} - {1, num} or not before or not after:
        raise ValueError(f"{len(before)} values before and {len(after)} after cannot be paired")
    pairs = zip([*before] * (num // len(before)), [*after] * (num // len(after)), strict=True)
    return Change(statistic(before), statistic(after), statistic([later - earlier for earlier, later in pairs]))
