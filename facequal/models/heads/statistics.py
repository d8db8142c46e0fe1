"""Moments over the batch of all processes, for the running statistics of heads."""

import torch
import torch.distributed as dist
from torch import Tensor


def global_moments(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Count, mean and unbiased standard deviation over the batches of all ranks.

    Deviations are taken from the global mean in a second reduction, so that float32 suffices. Every rank gets the same
    numbers, those of one process with the whole batch; ranks may hold batches of different size.

    Args:
        values: (B,) float on this rank; B may be 0.

    Returns:
        Three scalars in the dtype of the values. With no value the mean is 0, with fewer than 2 the deviation is 0.
    """
    first = torch.stack([values.new_full((), values.numel()), values.sum()])
    count, total = _summed_over_ranks(first)
    mean = total / count.clamp_min(1)
    squares = _summed_over_ranks((values - mean).square().sum())
    return count, mean, (squares / (count - 1).clamp_min(1)).sqrt()


def _summed_over_ranks(value: Tensor) -> Tensor:
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(value)
    return value
