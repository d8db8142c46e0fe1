"""Learning-rate schedules as factors of the base rate, evaluated at every optimizer step."""

import math
from collections.abc import Sequence
from typing import Protocol


class Schedule(Protocol):
    """A factor of the learning rate."""

    def __call__(self, epoch: float, progress: float) -> float:
        """Return the factor at a fractional epoch and at a share of all steps in [0, 1]."""
        ...


class StepSchedule(Schedule):
    """A rate that is multiplied by `gamma` at each milestone (how the published recognisers are trained).

    >>> schedule = StepSchedule([18, 22])
    >>> [round(schedule(epoch, epoch / 24), 3) for epoch in (0, 17.9, 18, 22)]
    [1.0, 1.0, 0.1, 0.01]

    Args:
        milestones: Epochs, in increasing order.
        gamma: Factor at each milestone.
        warmup_epochs: Epochs of linear warm-up from 0.

    Raises:
        ValueError: If the milestones do not increase.
    """

    def __init__(self, milestones: Sequence[float], gamma: float = 0.1, warmup_epochs: float = 0.0) -> None:
        if list(milestones) != sorted(set(milestones)):
            raise ValueError(f"milestones must increase, got {list(milestones)}")
        self.milestones, self.gamma, self.warmup_epochs = tuple(milestones), gamma, warmup_epochs

    def __call__(self, epoch: float, progress: float) -> float:
        """Return the factor at a fractional epoch; `progress` is not used."""
        # k / steps_per_epoch may come out just below the milestone.
        passed = sum(epoch + 1e-9 >= milestone for milestone in self.milestones)
        warm = min(1.0, epoch / self.warmup_epochs) if self.warmup_epochs else 1.0
        return warm * self.gamma**passed


class CosineSchedule(Schedule):
    """Half a cosine from 1 to `final` over all steps, after a linear warm-up.

    >>> schedule = CosineSchedule(warmup=0.1, final=0.01)
    >>> [round(schedule(0, progress), 3) for progress in (0, 0.05, 0.1, 0.55, 1)]
    [0.0, 0.5, 1.0, 0.505, 0.01]

    Args:
        warmup: Share of all steps in [0, 1) with a linear rise from 0.
        final: Factor at the end.

    Raises:
        ValueError: If `warmup` is outside [0, 1).
    """

    def __init__(self, warmup: float = 0.0, final: float = 0.0) -> None:
        if not 0.0 <= warmup < 1.0:
            raise ValueError(f"warmup is a share of all steps in [0, 1), got {warmup}")
        self.warmup, self.final = warmup, final

    def __call__(self, epoch: float, progress: float) -> float:
        """Return the factor at a share of all steps; `epoch` is not used."""
        if progress < self.warmup:
            return progress / self.warmup
        decayed = (progress - self.warmup) / (1.0 - self.warmup)
        return self.final + (1.0 - self.final) * 0.5 * (1.0 + math.cos(math.pi * min(decayed, 1.0)))
