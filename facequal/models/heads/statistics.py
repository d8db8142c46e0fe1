"""Moments over the batch of all processes, for the running statistics of heads."""

from typing import Literal

import torch
import torch.distributed as dist
from torch import Tensor

from facequal.choices import require_choice

InitStats = Literal["published", "first_batch", "zero"]
# Norms are clipped to this range before they enter the statistics, as in the released AdaFace head.
NORM_RANGE = (1e-3, 100.0)


def initial_moments(init_stats: InitStats) -> tuple[Tensor, Tensor]:
    """Return the mean (1,) and standard deviation (1,) that running statistics start from.

    Args:
        init_stats: "zero" starts from 0 and 0, the others from 20 and 100.

    Raises:
        ValueError: If the name is unknown.

    >>> initial_moments("published")
    (tensor([20.]), tensor([100.]))
    """
    require_choice("init_stats", init_stats, InitStats)
    mean, std = (0.0, 0.0) if init_stats == "zero" else (20.0, 100.0)
    return torch.full((1,), mean), torch.full((1,), std)


def global_moments(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Compute count, mean and unbiased standard deviation over the batches of all ranks.

    Deviations are taken from the global mean in a second reduction, so that float32 suffices. Every rank gets the same
    numbers, those of one process with the whole batch; ranks may hold batches of different size.

    Args:
        values: (B,) float on this rank; B may be 0.

    Returns:
        Three scalars in the dtype of the values. With no value the mean is 0, with fewer than 2 the deviation is 0.

    >>> global_moments(torch.tensor([2.0, 4.0, 6.0]))
    (tensor(3.), tensor(4.), tensor(2.))
    """
    first = torch.stack([values.new_full((), values.numel()), values.sum()])
    count, total = _summed_over_ranks(first)
    mean = total / count.clamp_min(1)
    squares = _summed_over_ranks((values - mean).square().sum())
    return count, mean, (squares / (count - 1).clamp_min(1)).sqrt()


@torch.no_grad()
def update_running_moments(
    mean: Tensor, std: Tensor, num_updates: Tensor, score: Tensor, ema_decay: float, from_first_batch: bool
) -> None:
    """Move a running mean and standard deviation towards those of the global batch, in place and without a device sync.

    new = ema_decay old + (1 - ema_decay) batch. A batch with fewer than two samples over all ranks, or with a score
    that is not finite, leaves everything as it is.

    Args:
        mean: (1,) running mean.
        std: (1,) running standard deviation.
        num_updates: int64 scalar, batches that entered them.
        score: (B,) or (B, 1) scores on this rank.
        ema_decay: Weight of the old values.
        from_first_batch: Take the moments of the first batch as they are.

    >>> mean, std, num_updates = torch.tensor([20.0]), torch.tensor([100.0]), torch.tensor(0)
    >>> update_running_moments(mean, std, num_updates, torch.tensor([8.0, 12.0]), 0.5, from_first_batch=False)
    >>> mean, num_updates
    (tensor([15.]), tensor(1))
    """
    count, batch_mean, batch_std = global_moments(score.detach().flatten().to(mean.dtype))
    usable = (count >= 2) & batch_mean.isfinite() & batch_std.isfinite()
    step = torch.full_like(batch_mean, 1 - ema_decay)
    if from_first_batch:
        step = torch.where(num_updates == 0, torch.ones_like(batch_mean), step)
    mean.lerp_(torch.where(usable, batch_mean, mean), step)
    std.lerp_(torch.where(usable, batch_std, std), step)
    num_updates += usable


def _summed_over_ranks(value: Tensor) -> Tensor:
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(value)
    return value
