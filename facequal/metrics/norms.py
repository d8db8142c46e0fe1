"""Statistics of feature norms over an epoch and all ranks, and how they go with what was done to the images."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torchmetrics import Metric


class NormStatistics(Metric):
    """Mean, standard deviation, minimum and maximum of feature norms.

    Sums are kept in float64 and reduced over ranks, so the figures are those of the global epoch.

    >>> statistics = NormStatistics()
    >>> statistics.update(torch.tensor([[10.0], [20.0]]))
    >>> statistics.update(torch.tensor([[30.0]]))
    >>> statistics.compute()
    {'mean': tensor(20.), 'std': tensor(10.), 'min': tensor(10.), 'max': tensor(30.)}
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
        for name in ("count", "total", "total_of_squares"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
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
        """Return `mean`, `std` (unbiased; 0 for one sample), `min` and `max` as float32 scalars."""
        mean = self.total / self.count
        variance = (self.total_of_squares - self.count * mean.square()) / (self.count - 1).clamp_min(1.0)
        values = {"mean": mean, "std": variance.clamp_min(0.0).sqrt(), "min": self.minimum, "max": self.maximum}
        return {name: value.float() for name, value in values.items()}


class NormCorrelations(Metric):
    """Pearson correlation of feature norms with each value that was drawn for the images.

    Of a degradation that reaches some images only (`RandomApply`), its values count where it was applied, and
    `applied` itself is one of the values, 0 or 1. Sums are kept in float64 and reduced over ranks.

    >>> correlations = NormCorrelations()
    >>> correlations.update(torch.tensor([10.0, 15.0, 20.0]), {"size_px": torch.tensor([7, 14, 21])})
    >>> correlations.compute()
    {'size_px': tensor(1.)}
    """

    full_state_update = False
    sums: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        self.names: list[str] = []

    def update(self, norm: Tensor, drawn: Mapping[str, Tensor]) -> None:
        """Add a batch.

        Args:
            norm: (B,) or (B, 1) feature norms.
            drawn: Values by name, as a batch holds them under `degradation`. Those that are not (B,) do not count,
                nor do numbers that name a filter or a kernel (`*_filter`, `*_id`), which are no amounts.
        """
        x = norm.detach().flatten().double()
        if not self.names:
            amounts = [name for name in drawn if not name.endswith(("_filter", "_id"))]
            names = [name for name in amounts if drawn[name].shape == x.shape]
            # Rows: names. Columns: number, sums of norm, value, squared norm, squared value, product.
            if names:
                self.names = names
                self.add_state("sums", x.new_zeros(len(names), 6), dist_reduce_fx="sum")
        if self.names:
            y = torch.stack([drawn[name].double() for name in self.names])
            one = torch.ones_like(x)
            flags = [[drawn[flag].double() for flag in applied_flags(name) if flag in drawn] for name in self.names]
            chosen = torch.stack([torch.stack([one, *applied]).prod(dim=0) for applied in flags])
            of_norm = torch.stack((one, x, x * x), dim=1)
            number, norms, squares = (chosen @ of_norm).unbind(1)
            weighted = chosen * y
            values, products = (weighted @ torch.stack((one, x), dim=1)).unbind(1)
            self.sums += torch.stack((number, norms, values, squares, (weighted * y).sum(1), products), dim=1)

    def compute(self) -> dict[str, Tensor]:
        """Return correlations in [-1, 1] as float32 scalars by name, without those of values that did not vary."""
        correlations = {}
        for name, sums in zip(self.names, self.sums if self.names else (), strict=True):
            number, x, y, xx, yy, xy = sums.unbind()
            spread_x, spread_y = number * xx - x * x, number * yy - y * y
            # Of a constant the two terms cancel but for rounding.
            if bool((spread_x > 1e-12 * number * xx) & (spread_y > 1e-12 * number * yy)):
                correlations[name] = ((number * xy - x * y) / (spread_x * spread_y).sqrt()).clamp(-1, 1).float()
        return correlations


def applied_flags(name: str) -> list[str]:
    """Return under which names the degradations around a drawn value say where they were applied.

    Args:
        name: Name of the value; a degradation within another one has its name behind that one's and a dot.

    >>> applied_flags("compose.rotation.angle_degrees")
    ['applied', 'compose.applied', 'compose.rotation.applied']
    >>> applied_flags("rotation.applied")
    ['applied']
    """
    parts = name.split(".")
    flags = [".".join([*parts[:depth], "applied"]) for depth in range(len(parts))]
    return [flag for flag in flags if flag != name]
