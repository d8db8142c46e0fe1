"""A figure over seeds: its mean and spread, and differences paired by seed."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Statistic(NamedTuple):
    """A figure over seeds.

    Attributes:
        mean: Mean over the seeds; NaN if there are none or one of them lacks the figure.
        std: Sample standard deviation over the seeds (divided by seeds - 1); NaN for one seed or without a mean.
        num: Number of seeds.
    """

    mean: float
    std: float
    num: int

    @property
    def has_spread(self) -> bool:
        """Whether there is a standard deviation."""
        return not math.isnan(self.std)


class Change(NamedTuple):
    """A figure before and after, and the difference after - before, positive where the figure has grown.

    The differences are taken seed by seed: what a seed does to both does not count as spread of `delta`.
    """

    before: Statistic
    after: Statistic
    delta: Statistic


def statistic(values: Sequence[float]) -> Statistic:
    """Return mean and sample standard deviation.

    Both NaN if a value is, no deviation of fewer than two or infinite values.
    """
    if not values:
        return Statistic(math.nan, math.nan, 0)
    mean = statistics.fmean(values)
    has_spread = len(values) > 1 and math.isfinite(mean)
    return Statistic(mean, statistics.stdev(values) if has_spread else math.nan, len(values))


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
