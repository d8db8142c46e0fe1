"""A line of the table of results: what was measured, against what, and whether the target is met."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Comparison = Literal["cost", "speed-up", "rate"]
Unit = Literal["s", "ms", "kB", "MB", "images/s"]


@dataclass(frozen=True)
class Row:
    """Two alternatives measured in turns: value number i of both comes from the same round.

    Attributes:
        what: What is measured.
        against: The alternative.
        ours: Values of all rounds; none where it was not run.
        theirs: The alternative's values, as many.
        unit: Of the values.
        comparison: How the ratio is taken and what it must be. "cost" (seconds, bytes): ours / theirs, at most the
            target. "speed-up" (seconds): theirs / ours, at least the target. "rate" (images per second): ours /
            theirs, at least the target.
        target: Bound of the ratio, or None.
    """

    what: str
    against: str
    ours: Sequence[float]
    theirs: Sequence[float]
    unit: Unit
    comparison: Comparison
    target: float | None = None

    @property
    def ratios(self) -> list[float]:
        """Ratio of every round."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return [theirs / ours if self.comparison == "speed-up" else ours / theirs for ours, theirs in pairs]

    @property
    def ratio(self) -> float | None:
        """Median of the rounds' ratios, or None where it was not run."""
        return statistics.median(self.ratios) if self.ours else None

    @property
    def met(self) -> bool | None:
        """Whether the ratio keeps to the target; None without a target or a measurement."""
        if self.ratio is None or self.target is None:
            return None
        return self.ratio <= self.target if self.comparison == "cost" else self.ratio >= self.target

    def cells(self) -> list[str]:
        """Return the row as text: what, against, ours, theirs, ratio, target, met."""
        bound = "" if self.target is None else f"{'≤' if self.comparison == 'cost' else '≥'} {self.target:g}x"
        if self.ratio is None:
            return [self.what, self.against, "-", "-", "-", bound, "not run: no GPU"]
        ours, theirs = (_text(statistics.median(values), self.unit) for values in (self.ours, self.theirs))
        ratio = f"{self.ratio:.3g}x"
        if len(self.ratios) > 1:
            ratio += f" ({min(self.ratios):.3g} to {max(self.ratios):.3g})"
        return [self.what, self.against, ours, theirs, ratio, bound, {True: "yes", False: "no", None: ""}[self.met]]


def rates(seconds: Sequence[float], num_images: int) -> list[float]:
    """Images per second from the seconds that `num_images` took in each round."""
    return [num_images / value for value in seconds]


def _text(value: float, unit: Unit) -> str:
    is_whole = unit in ("images/s", "kB", "MB") and value >= 10.0
    return f"{value:,.0f} {unit}" if is_whole else f"{value:.3g} {unit}"
