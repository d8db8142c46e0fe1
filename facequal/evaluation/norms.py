"""Feature norms per resolution, and how far they tell it: what quality read off the norm rests on."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torchmetrics.functional import pearson_corrcoef

from facequal.reports.results import Result

CONDITION = "norms"
ALL_SIZES = "all px"


def norm_results(norms: Mapping[int, Tensor], protocol: str, seed: int | None = None) -> list[Result]:
    """Compute the mean norm of each resolution, and Pearson's correlation of norm and log2 of the resolution.

    Args:
        norms: (N,) norms of the same images for each resolution in pixels.
        protocol: Written into the results.
        seed: Written into the results.

    Returns:
        The means, and the correlation: NaN for a single resolution or norms that do not vary.

    >>> results = norm_results({7: torch.tensor([10.0, 12.0]), 28: torch.tensor([20.0, 22.0])}, "mine")
    >>> [(result.column, result.metric, round(result.value, 3)) for result in results]
    [('7 px', 'mean', 11.0), ('28 px', 'mean', 21.0), ('all px', 'correlation', 0.981)]
    """
    results = [
        Result(protocol, CONDITION, f"{px} px", "mean", float(values.mean()), num=len(values), unit="", seed=seed)
        for px, values in norms.items()
    ]
    every = torch.cat(list(norms.values())).double()
    size = torch.cat([torch.full_like(values, math.log2(px)) for px, values in norms.items()]).double()
    varies = len(every) > 1 and min(float(every.std()), float(size.std())) > 1e-6
    value = float(pearson_corrcoef(every, size)) if varies else math.nan
    head = (protocol, CONDITION, ALL_SIZES, "correlation", value)
    return [*results, Result(*head, num=len(every), unit="", seed=seed)]
