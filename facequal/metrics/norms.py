"""Statistics of feature norms over an epoch and all ranks."""

import torch
from torch import Tensor
from torchmetrics import Metric


class NormStatistics(Metric):
    """Mean, standard deviation, minimum and maximum of feature norms.

    Sums are kept in float64 and reduced over ranks, so the figures are those of the global epoch.
    """

    full_state_update = False
    count: Tensor
    total: Tensor
    total_of_squares: Tensor
    minimum: Tensor
    maximum: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("total_of_squares", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("minimum", torch.tensor(float("inf"), dtype=torch.float64), dist_reduce_fx="min")
        self.add_state("maximum", torch.tensor(float("-inf"), dtype=torch.float64), dist_reduce_fx="max")

    def update(self, norm: Tensor) -> None:
        """Add the norms of a batch, any shape."""
        values = norm.detach().double()
        self.count += values.numel()
        self.total += values.sum()
        self.total_of_squares += values.square().sum()
        self.minimum = torch.minimum(self.minimum, values.min())
        self.maximum = torch.maximum(self.maximum, values.max())

    def compute(self) -> dict[str, Tensor]:
        """``mean``, ``std`` (unbiased; 0 for one sample), ``min`` and ``max`` as float32 scalars."""
        mean = self.total / self.count
        variance = (self.total_of_squares - self.count * mean.square()) / (self.count - 1).clamp_min(1.0)
        values = {"mean": mean, "std": variance.clamp_min(0.0).sqrt(), "min": self.minimum, "max": self.maximum}
        return {name: value.float() for name, value in values.items()}
